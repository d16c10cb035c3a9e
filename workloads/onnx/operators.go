package onnx

import (
	"hidp/workloads"
)

// operator says how nodes of one kind are imported.
type operator struct {
	inputs int // inputs that must be there
	infer  func(c *call) (shapes, error)
	lower  func(c *call, dims shapes) error
	shape  bool // the outputs depend on the inputs' shape only and so are constants always
}

// operators returns the table of all operators that Load knows. Pseudo operators that rewrite makes are SiLU, and LayerNormalization with one input.
func operators() map[string]operator {
	t := map[string]operator{
		"Shape":           {1, inferShape, nil, true},
		"Size":            {1, inferSize, nil, true},
		"Constant":        {0, inferConstant, nil, true},
		"ConstantOfShape": {1, inferFill, moves, false},
		"Range":           {3, inferRange, moves, false},

		"If": {1, inferIf, nil, false},

		"Identity": {1, same, renames, false}, "Dropout": {1, inferDropout, lowerDropout, false},
		"Reshape": {2, inferReshape, renames, false}, "Flatten": {1, inferFlatten, renames, false},
		"Squeeze": {1, inferSqueeze, renames, false}, "Unsqueeze": {1, inferUnsqueeze, renames, false},
		"Transpose": {1, inferTranspose, lowerTranspose, false},
		"Pad":       {1, inferPad, lowerPad, false},
		"Cast":      {1, cast, lowerCast, false}, "CastLike": {2, cast, lowerCast, false},
		"QuantizeLinear": {2, quantized, lowerCast, false}, "DequantizeLinear": {2, dequantized, lowerCast, false},

		"Conv":          {2, inferConv, lowerConv, false},
		"ConvTranspose": {2, inferConvTranspose, lowerConvTranspose, false},
		"Gemm":          {2, inferGemm, lowerGemm, false},
		"MatMul":        {2, inferMatMul, lowerMatMul, false},
		"LSTM":          {3, inferRecurrent, lowerRecurrent, false},
		"GRU":           {3, inferRecurrent, lowerRecurrent, false},
		"RNN":           {3, inferRecurrent, lowerRecurrent, false},

		"MaxPool": {1, inferPool, lowerPool, false}, "AveragePool": {1, inferPool, lowerPool, false},
		"GlobalAveragePool": {1, inferGlobal, lowerGlobal, false}, "GlobalMaxPool": {1, inferGlobal, lowerGlobal, false},
		"BatchNormalization":    {5, inferBatchNorm, lowerBatchNorm, false},
		"LayerNormalization":    {1, inferLayerNorm, lowerNorm, false},
		"InstanceNormalization": {3, same, lowerNorm, false},
		"GroupNormalization":    {3, same, lowerNorm, false},
		"LpNormalization":       {1, inferAxis, lowerNorm, false}, "MeanVarianceNormalization": {1, inferMeanVariance, lowerNorm, false},
		"LRN":     {1, inferLRN, unary(workloads.NoAct), false},
		"Softmax": {1, inferAxis, lowerSoftmax, false}, "LogSoftmax": {1, inferAxis, lowerSoftmax, false}, "Hardmax": {1, inferAxis, lowerSoftmax, false},

		"Concat": {1, inferConcat, lowerConcat, false},
		"Resize": {1, inferResize, lowerResize, false}, "Upsample": {1, inferResize, lowerResize, false},
		"ReduceMean": {1, inferReduce, lowerReduce, false},
		"Clip":       {1, same, lowerClip, false},
		"Where":      {3, selected, computes, false},
		"ArgMax":     {1, inferArg, computes, false}, "ArgMin": {1, inferArg, computes, false},
		"TopK": {1, inferTopK, computes, false}, "CumSum": {2, same, computes, false},
		"Split": {1, inferSplit, moves, false}, "Slice": {1, inferSlice, moves, false},
		"Gather": {2, inferGather, moves, false}, "GatherElements": {2, inferGatherElements, moves, false},
		"GatherND": {2, inferGatherND, moves, false}, "ScatterND": {3, same, moves, false}, "ScatterElements": {3, same, moves, false},
		"Expand": {2, inferExpand, moves, false}, "Tile": {2, inferTile, moves, false}, "Trilu": {1, same, moves, false},
		"DepthToSpace": {1, inferDepth, moves, false}, "SpaceToDepth": {1, inferDepth, moves, false},
	}
	families(t)
	wholes(t)
	return t
}

// families adds the operators that come in numbers.
func families(t map[string]operator) {
	for _, name := range []string{"Sub", "Div", "Pow", "Mod", "Add", "Mul", "PRelu"} {
		t[name] = operator{2, broadcast, lowerBinary, false}
	}
	for _, name := range []string{"Sum", "Max", "Min", "Mean"} {
		t[name] = operator{1, broadcast, lowerBinary, false}
	}
	for _, name := range []string{"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor"} {
		t[name] = operator{2, compared, computes, false}
	}
	for _, name := range []string{"ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
		"ReduceLogSum", "ReduceLogSumExp"} {
		t[name] = operator{1, inferReduce, lowerReduce, false}
	}
	for name, act := range map[string]workloads.Activation{"Relu": workloads.ReLU, "Sigmoid": workloads.Sigmoid, "Tanh": workloads.Tanh,
		"HardSigmoid": workloads.HardSigmoid, "HardSwish": workloads.HardSwish, "LeakyRelu": workloads.LeakyReLU,
		"Gelu": workloads.GELU, "SiLU": workloads.SiLU} {
		t[name] = operator{1, same, unary(act), false}
	}
	for _, name := range []string{"Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "Log", "Mish", "Neg",
		"Not", "Reciprocal", "Round", "Selu", "Shrink", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Tan", "ThresholdedRelu"} {
		t[name] = operator{1, same, unary(workloads.NoAct), false}
	}
}
