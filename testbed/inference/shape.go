package inference

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ShapeError says that an engine computes a tensor in another shape than the ONNX specification gives it, by which the network
// was planned. Engines have faults: ONNX Runtime 1.27 joins a padding and a pooling that rounds up to something smaller.
type ShapeError struct {
	Engine    string // name and version
	Tensor    string // as the model names it, or "layer 3"
	Got, Want []int
}

// Error implements error.
func (e *ShapeError) Error() string {
	return fmt.Sprintf("%s computes %s as %s, but by the ONNX specification it is %s: the engine and the specification disagree about "+
		"this network, and another version of the engine may not", e.Engine, e.Tensor, dimensions(e.Got), dimensions(e.Want))
}

// dimensions writes a shape as users do: 1x4x8x8.
func dimensions(shape []int) string {
	texts := make([]string, len(shape))
	for i, d := range shape {
		texts[i] = strconv.Itoa(d)
	}
	return strings.Join(texts, "x")
}

// refusedShape matches what ONNX Runtime says of an output for which it was given memory of another shape.
var refusedShape = regexp.MustCompile(`output '([^']*)' of node .* has shape \{([0-9,]*)\} but the computed output shape for this run is \{([0-9,]*)\}`)

// shapeError returns the ShapeError that an error of ONNX Runtime stands for, or the error itself.
func shapeError(engine string, err error) error {
	m := refusedShape.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	return &ShapeError{engine, fmt.Sprintf("tensor %q", m[1]), numbers(m[3]), numbers(m[2])}
}

func numbers(text string) (list []int) {
	for _, t := range strings.Split(text, ",") {
		if n, err := strconv.Atoi(t); err == nil {
			list = append(list, n)
		}
	}
	return list
}
