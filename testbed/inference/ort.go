package inference

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"
)

// ORT is ONNX Runtime, loaded from a shared library at run time. Graphs are optimised to the level "extended": beyond it, the
// layout of tensors depends on what else is in a model, and a network cut in two would no longer give the same bits as the whole.
// Its threads do not spin while they wait, so that they leave the CPU to whoever shares it.
type ORT struct {
	api     *ortAPI
	version string
	env     handle
	memory  handle // describes ordinary memory
}

// OpenORT loads the library at path (see FindLibrary). Errors say what is wrong with it: not there, not a library, for another
// architecture, not ONNX Runtime, too old.
func OpenORT(path string) (*ORT, error) {
	api, version, err := openAPI(path)
	if err != nil {
		return nil, err
	}
	e := &ORT{api: api, version: version}
	var p pins
	defer p.unpin()
	const onlyErrors = 3
	if e.env, err = api.create(apiCreateEnv, onlyErrors, p.text("hidp")); err != nil {
		return nil, fmt.Errorf("ONNX Runtime %s: %w", version, err)
	}
	const deviceAllocator, defaultMemory = 0, 0
	if e.memory, err = api.create(apiCreateCPUMemoryInfo, deviceAllocator, defaultMemory); err != nil {
		api.call(apiReleaseEnv, e.env)
		return nil, fmt.Errorf("ONNX Runtime %s: %w", version, err)
	}
	return e, nil
}

// Name implements Engine.
func (e *ORT) Name() string { return "onnxruntime " + e.version }

// Close implements Engine. The library itself stays loaded: it does not support being unloaded.
func (e *ORT) Close() error {
	e.api.call(apiReleaseMemoryInfo, e.memory)
	e.api.call(apiReleaseEnv, e.env)
	return nil
}

// Providers returns what the library was built to compute on, by ONNX Runtime's own names, the fastest first.
func (e *ORT) Providers() ([]string, error) {
	var p pins
	defer p.unpin()
	list, n := new(uintptr), new(int32)
	if err := e.api.try(apiGetAvailableProviders, p.address(unsafe.Pointer(list)), p.address(unsafe.Pointer(n))); err != nil {
		return nil, err
	}
	var names []string
	for _, name := range unsafe.Slice((*uintptr)(memory(*list)), *n) {
		names = append(names, goString(name))
	}
	return names, e.api.try(apiReleaseAvailableProviders, *list, uintptr(*n))
}

// options makes the library's session options; release them.
func (e *ORT) options(m Model, o Options) (handle, error) {
	h, err := e.api.create(apiCreateSessionOptions)
	if err != nil {
		return 0, err
	}
	if err := e.configure(h, m, o); err != nil {
		e.api.call(apiReleaseSessionOptions, h)
		return 0, err
	}
	return h, nil
}

func (e *ORT) configure(h handle, m Model, o Options) error {
	const sequential, extended = 0, 2
	threads := max(1, o.Threads)
	for _, set := range []struct {
		function int
		value    uintptr
	}{{apiSetSessionExecutionMode, sequential}, {apiSetGraphOptimizationLevel, extended},
		{apiSetIntraOpNumThreads, uintptr(threads)}, {apiSetInterOpNumThreads, 1}} {
		if err := e.api.try(set.function, h, set.value); err != nil {
			return err
		}
	}
	entries := [][2]string{{"session.intra_op.allow_spinning", "0"}, {"session.inter_op.allow_spinning", "0"}}
	if m.Folder != "" {
		entries = append(entries, [2]string{"session.model_external_initializers_file_folder_path", m.Folder})
	}
	if len(o.CPUs) > 0 && threads > 1 {
		if len(o.CPUs) != threads-1 {
			return fmt.Errorf("%d CPUs for the %d threads beside the caller", len(o.CPUs), threads-1)
		}
		var cpus []string
		for _, c := range o.CPUs {
			cpus = append(cpus, fmt.Sprint(c+1)) // ONNX Runtime counts from 1
		}
		entries = append(entries, [2]string{"session.intra_op_thread_affinities", strings.Join(cpus, ";")})
	}
	for _, entry := range entries {
		if err := e.set(h, entry[0], entry[1]); err != nil {
			return fmt.Errorf("%s: %w", entry[0], err)
		}
	}
	return e.provide(h, o)
}

// set adds one entry to session options.
func (e *ORT) set(h handle, key, value string) error {
	var p pins
	defer p.unpin()
	return e.api.try(apiAddSessionConfigEntry, h, p.text(key), p.text(value))
}

// accelerator is how a GPU provider is asked for.
type accelerator struct {
	provider                        string // ONNX Runtime's name
	create, update, appends, remove int
}

// accelerators lists the GPU providers. They follow the library's documentation; no machine with a GPU was at hand to try them.
func accelerators() map[string]accelerator {
	return map[string]accelerator{
		"cuda":     {"CUDAExecutionProvider", apiCreateCUDAOptions, apiUpdateCUDAOptions, apiAppendCUDA, apiReleaseCUDAOptions},
		"tensorrt": {"TensorrtExecutionProvider", apiCreateTensorRTOptions, apiUpdateTensorRTOptions, apiAppendTensorRT, apiReleaseTensorRTOptions},
	}
}

// provide selects what the session computes on; the CPU is always there and takes what a GPU cannot.
func (e *ORT) provide(h handle, o Options) error {
	if o.Provider == "" || o.Provider == "cpu" {
		return nil
	}
	a, known := accelerators()[o.Provider]
	if !known {
		return fmt.Errorf("unknown provider %q: choose cpu, cuda or tensorrt", o.Provider)
	}
	offered, err := e.Providers()
	if err != nil {
		return err
	}
	if !slices.Contains(offered, a.provider) {
		return fmt.Errorf("this build of ONNX Runtime %s has no provider %s; it has %s", e.version, o.Provider, strings.Join(offered, ", "))
	}
	options, err := e.api.create(a.create)
	if err != nil {
		return fmt.Errorf("provider %s: %w", o.Provider, err)
	}
	defer e.api.call(a.remove, options)
	var p pins
	defer p.unpin()
	keys, values := []uintptr{p.text("device_id")}, []uintptr{p.text(fmt.Sprint(o.Device))}
	if err := e.api.try(a.update, options, p.list(keys), p.list(values), uintptr(len(keys))); err != nil {
		return fmt.Errorf("provider %s: %w", o.Provider, err)
	}
	if err := e.api.try(a.appends, h, options); err != nil {
		return fmt.Errorf("provider %s: %w", o.Provider, err)
	}
	return nil
}
