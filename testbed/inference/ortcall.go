package inference

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Positions of functions in the table OrtApi of onnxruntime_c_api.h. The table only ever grows at its end.
const (
	apiGetErrorMessage                = 2
	apiCreateEnv                      = 3
	apiCreateSession                  = 7
	apiCreateSessionFromArray         = 8
	apiRun                            = 9
	apiCreateSessionOptions           = 10
	apiSetSessionExecutionMode        = 13
	apiSetGraphOptimizationLevel      = 23
	apiSetIntraOpNumThreads           = 24
	apiSetInterOpNumThreads           = 25
	apiSessionGetInputCount           = 30
	apiSessionGetOutputCount          = 31
	apiSessionGetInputTypeInfo        = 33
	apiSessionGetOutputTypeInfo       = 34
	apiSessionGetInputName            = 36
	apiSessionGetOutputName           = 37
	apiCreateTensorWithDataAsOrtValue = 49
	apiGetTensorMutableData           = 51
	apiCastTypeInfoToTensorInfo       = 55
	apiGetTensorElementType           = 60
	apiGetDimensionsCount             = 61
	apiGetDimensions                  = 62
	apiGetTensorTypeAndShape          = 65
	apiCreateCPUMemoryInfo            = 69
	apiAllocatorFree                  = 76
	apiGetAllocatorWithDefaultOptions = 78
	apiReleaseEnv                     = 92
	apiReleaseStatus                  = 93
	apiReleaseMemoryInfo              = 94
	apiReleaseSession                 = 95
	apiReleaseValue                   = 96
	apiReleaseTypeInfo                = 98
	apiReleaseTensorTypeAndShapeInfo  = 99
	apiReleaseSessionOptions          = 100
	apiGetAvailableProviders          = 125
	apiReleaseAvailableProviders      = 126
	apiAddSessionConfigEntry          = 130
	apiAppendTensorRT                 = 170 // SessionOptionsAppendExecutionProvider_TensorRT_V2
	apiCreateTensorRTOptions          = 171
	apiUpdateTensorRTOptions          = 172
	apiReleaseTensorRTOptions         = 174
	apiAppendCUDA                     = 204 // SessionOptionsAppendExecutionProvider_CUDA_V2
	apiCreateCUDAOptions              = 205
	apiUpdateCUDAOptions              = 206
	apiReleaseCUDAOptions             = 208

	apiLength = 209 // functions that are looked at
)

// apiVersion is the version of the table that is asked for: ONNX Runtime 1.18, the first that finds the external data of a model
// that is given as bytes.
const apiVersion = 18

// ortAPI is the function table.
type ortAPI [apiLength]uintptr

// handle is a pointer to an object of the library; C memory, so that Go's collector has no interest in it.
type handle = uintptr

// call calls a function that returns nothing of interest.
func (a *ortAPI) call(function int, args ...uintptr) {
	purego.SyscallN(a[function], args...)
}

// try calls a function that returns a status and makes an error of that.
func (a *ortAPI) try(function int, args ...uintptr) error {
	status, _, _ := purego.SyscallN(a[function], args...)
	if status == 0 {
		return nil
	}
	message, _, _ := purego.SyscallN(a[apiGetErrorMessage], status)
	err := errors.New(goString(message))
	a.call(apiReleaseStatus, status)
	return err
}

// create calls a function whose last parameter receives a handle.
func (a *ortAPI) create(function int, args ...uintptr) (handle, error) {
	var p pins
	defer p.unpin()
	out := new(handle)
	err := a.try(function, append(args, p.address(unsafe.Pointer(out)))...)
	return *out, err
}

// pins keeps Go memory where it is and alive while the library has its address: an uintptr alone does neither.
type pins struct{ runtime.Pinner }

// address pins the object p, which must be on the heap (new, make), and returns its address.
func (p *pins) address(object unsafe.Pointer) uintptr {
	p.Pin(object)
	return uintptr(object)
}

// text pins a zero-terminated copy of s.
func (p *pins) text(s string) uintptr {
	b := make([]byte, len(s)+1)
	copy(b, s)
	return p.address(unsafe.Pointer(&b[0]))
}

// list pins a list of handles or addresses.
func (p *pins) list(l []uintptr) uintptr {
	if len(l) == 0 {
		return 0
	}
	return p.address(unsafe.Pointer(&l[0]))
}

func (p *pins) unpin() { p.Unpin() }

// memory turns an address of the library's memory into a pointer. The detour tells go vet that it is not Go's memory.
func memory(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// goString copies a zero-terminated string of the library.
func goString(address uintptr) string {
	if address == 0 {
		return ""
	}
	const most = 1 << 16 // a message longer than that is none
	p := (*byte)(memory(address))
	n := 0
	for n < most && *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}

// openAPI loads the library at path and returns its table and its version.
func openAPI(path string) (api *ortAPI, version string, err error) {
	if err := checkLibrary(path); err != nil {
		return nil, "", err
	}
	lib, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, "", fmt.Errorf("%s cannot be loaded: %w", path, err)
	}
	entry, err := purego.Dlsym(lib, "OrtGetApiBase")
	if err != nil {
		purego.Dlclose(lib) // what is wrong has been found already
		return nil, "", fmt.Errorf("%s is not ONNX Runtime: it has no function OrtGetApiBase", path)
	}
	base, _, _ := purego.SyscallN(entry)
	functions := (*[2]uintptr)(memory(base)) // GetApi, GetVersionString
	text, _, _ := purego.SyscallN(functions[1])
	version = goString(text)
	table, _, _ := purego.SyscallN(functions[0], apiVersion)
	if table == 0 {
		return nil, "", fmt.Errorf("%s is ONNX Runtime %s, which is too old: 1.%d or newer is needed (make ort fetches one)", path, version, apiVersion)
	}
	return (*ortAPI)(memory(table)), version, nil
}
