package inference

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"
)

// ortSession is a model loaded by ONNX Runtime.
type ortSession struct {
	engine          *ORT
	session         handle
	inputs, outputs []Spec
}

// Load implements Engine.
func (e *ORT) Load(m Model, o Options) (Session, error) {
	if (m.Path == "") == (m.Bytes == nil) {
		return nil, errors.New("a model is a file or bytes")
	}
	options, err := e.options(m, o)
	if err != nil {
		return nil, err
	}
	defer e.api.call(apiReleaseSessionOptions, options)
	s := &ortSession{engine: e}
	var p pins
	defer p.unpin()
	if m.Path != "" {
		s.session, err = e.api.create(apiCreateSession, e.env, p.text(m.Path), options)
	} else if len(m.Bytes) == 0 {
		err = errors.New("the model is empty")
	} else {
		s.session, err = e.api.create(apiCreateSessionFromArray, e.env, p.address(unsafe.Pointer(&m.Bytes[0])), uintptr(len(m.Bytes)), options)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot load %s: %w", e.Name(), m.what(), err)
	}
	s.inputs, err = s.ports(apiSessionGetInputCount, apiSessionGetInputName, apiSessionGetInputTypeInfo)
	if err == nil {
		s.outputs, err = s.ports(apiSessionGetOutputCount, apiSessionGetOutputName, apiSessionGetOutputTypeInfo)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", m.what(), err)
	}
	return s, nil
}

// what names the model in messages.
func (m Model) what() string {
	if m.Path != "" {
		return m.Path
	}
	return fmt.Sprintf("a model of %d bytes", len(m.Bytes))
}

// Close implements Session.
func (s *ortSession) Close() error {
	if s.session != 0 {
		s.engine.api.call(apiReleaseSession, s.session)
		s.session = 0
	}
	return nil
}

// Inputs implements Session.
func (s *ortSession) Inputs() []Spec { return s.inputs }

// Outputs implements Session.
func (s *ortSession) Outputs() []Spec { return s.outputs }

// ports describes the inputs or the outputs.
func (s *ortSession) ports(count, name, info int) ([]Spec, error) {
	n, err := s.engine.api.create(count, s.session) // a number, but of a pointer's size
	if err != nil {
		return nil, err
	}
	var list []Spec
	for i := range n {
		spec, err := s.port(i, name, info)
		if err != nil {
			return nil, err
		}
		list = append(list, spec)
	}
	return list, nil
}

func (s *ortSession) port(i uintptr, name, info int) (Spec, error) {
	api := s.engine.api
	allocator, err := api.create(apiGetAllocatorWithDefaultOptions)
	if err != nil {
		return Spec{}, err
	}
	text, err := api.create(name, s.session, i, allocator)
	if err != nil {
		return Spec{}, err
	}
	spec := Spec{Name: goString(text)}
	if err := api.try(apiAllocatorFree, allocator, text); err != nil {
		return Spec{}, err
	}
	kind, err := api.create(info, s.session, i)
	if err != nil {
		return Spec{}, err
	}
	defer api.call(apiReleaseTypeInfo, kind)
	tensor, err := api.create(apiCastTypeInfoToTensorInfo, kind) // belongs to kind
	if err == nil && tensor == 0 {
		err = errors.New("is no tensor")
	}
	if err == nil {
		spec.Shape, err = s.shape(tensor)
	}
	if err != nil {
		return Spec{}, fmt.Errorf("port %q: %w", spec.Name, err)
	}
	return spec, nil
}

// shape reads the dimensions of a tensor of 32-bit floats; others are an error.
func (s *ortSession) shape(info handle) ([]int, error) {
	var p pins
	defer p.unpin()
	api := s.engine.api
	const float = 1
	kind := new(int32)
	if err := api.try(apiGetTensorElementType, info, p.address(unsafe.Pointer(kind))); err != nil {
		return nil, err
	}
	if *kind != float {
		return nil, fmt.Errorf("has ONNX element type %d; sessions exchange 32-bit floats only", *kind)
	}
	n, err := api.create(apiGetDimensionsCount, info)
	if err != nil {
		return nil, err
	}
	dims := make([]int64, n+1) // one more, so that there is an address
	if err := api.try(apiGetDimensions, info, p.address(unsafe.Pointer(&dims[0])), n); err != nil {
		return nil, err
	}
	shape := make([]int, n)
	for i := range shape {
		shape[i] = int(max(dims[i], -1))
	}
	return shape, nil
}

// Run implements Session.
func (s *ortSession) Run(inputs, into map[string]Tensor) (map[string]Tensor, error) {
	if s.session == 0 {
		return nil, errors.New("the session is closed")
	}
	if err := checkPorts(s, inputs, into); err != nil {
		return nil, err
	}
	api := s.engine.api
	var p pins
	defer p.unpin()
	values := make([]uintptr, len(s.inputs))
	results := make([]uintptr, len(s.outputs)) // where it is zero ONNX Runtime makes the tensor
	defer func() {
		for _, v := range append(values, results...) {
			if v != 0 {
				api.call(apiReleaseValue, v)
			}
		}
	}()
	inNames, outNames := make([]uintptr, len(values)), make([]uintptr, len(results))
	for i, spec := range s.inputs {
		var err error
		inNames[i] = p.text(spec.Name)
		if values[i], err = s.value(&p, inputs[spec.Name]); err != nil {
			return nil, fmt.Errorf("input %q: %w", spec.Name, err)
		}
	}
	for i, spec := range s.outputs {
		outNames[i] = p.text(spec.Name)
		if t, given := into[spec.Name]; given && spec.takes(t.Shape) { // else the library would refuse it, whatever it computes
			var err error
			if results[i], err = s.value(&p, t); err != nil {
				return nil, fmt.Errorf("output %q: %w", spec.Name, err)
			}
		}
	}
	if err := api.try(apiRun, s.session, 0, p.list(inNames), p.list(values), uintptr(len(values)),
		p.list(outNames), uintptr(len(results)), p.list(results)); err != nil {
		return nil, shapeError(s.engine.Name(), err)
	}
	out := map[string]Tensor{}
	for i, spec := range s.outputs {
		t, given := into[spec.Name]
		if !given || !spec.takes(t.Shape) {
			made, err := s.tensor(results[i])
			if err != nil {
				return nil, fmt.Errorf("output %q: %w", spec.Name, err)
			}
			if given && !slices.Equal(t.Shape, made.Shape) {
				return nil, &ShapeError{s.engine.Name(), fmt.Sprintf("tensor %q", spec.Name), made.Shape, t.Shape}
			}
			if copy(t.Data, made.Data); !given {
				t = made
			}
		}
		out[spec.Name] = t
	}
	return out, nil
}

// value makes a value of the library over the memory of t, which is pinned by p.
func (s *ortSession) value(p *pins, t Tensor) (handle, error) {
	const float = 1
	dims := make([]int64, len(t.Shape)+1)
	for i, d := range t.Shape {
		dims[i] = int64(d)
	}
	if len(t.Data) == 0 {
		return 0, errors.New("is empty")
	}
	return s.engine.api.create(apiCreateTensorWithDataAsOrtValue, s.engine.memory, p.address(unsafe.Pointer(&t.Data[0])),
		uintptr(len(t.Data))*unsafe.Sizeof(t.Data[0]), p.address(unsafe.Pointer(&dims[0])), uintptr(len(t.Shape)), float)
}

// tensor copies a value of the library.
func (s *ortSession) tensor(v handle) (Tensor, error) {
	api := s.engine.api
	info, err := api.create(apiGetTensorTypeAndShape, v)
	if err != nil {
		return Tensor{}, err
	}
	defer api.call(apiReleaseTensorTypeAndShapeInfo, info)
	shape, err := s.shape(info)
	if err != nil {
		return Tensor{}, err
	}
	n := elements(shape)
	if n < 0 {
		return Tensor{}, fmt.Errorf("impossible shape %v", shape)
	}
	data, err := api.create(apiGetTensorMutableData, v)
	if err != nil {
		return Tensor{}, err
	}
	if n == 0 {
		return Tensor{Shape: shape}, nil
	}
	return Tensor{shape, slices.Clone(unsafe.Slice((*float32)(memory(data)), n))}, nil
}
