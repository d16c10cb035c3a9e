// Package zoo holds the networks of the literature, each family in a file one can read beside its paper.
//
// The networks are those of torchvision's model library (github.com/pytorch/vision, torchvision/models), in inference form:
// without auxiliary heads, with batch normalisations as part of their convolutions, and without what inference does not
// execute (dropout, adaptive pools that change nothing, flattening). Layers carry torchvision's module names.
//
// Start with zoo.go (the list), then vgg.go, which is the simplest network.
package zoo
