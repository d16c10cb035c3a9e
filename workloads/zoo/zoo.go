package zoo

import (
	"fmt"

	"hidp/internal/suggest"
	"hidp/workloads"
)

// Entry describes a network of the zoo.
type Entry struct {
	Name        string
	Description string
	Paper       string
	build       func() (*workloads.Graph, error)
}

// Build makes the network.
func (e Entry) Build() (*workloads.Graph, error) { return e.build() }

// Entries returns all networks, families together.
func Entries() []Entry {
	const (
		vggPaper    = "Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015, arXiv:1409.1556"
		resnetPaper = "He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, CVPR 2016, arXiv:1512.03385"
	)
	return []Entry{
		{"vgg16", "13 convolutions of 3×3 in 5 pooled stages, 3 fully connected layers", vggPaper,
			func() (*workloads.Graph, error) { return vgg("vgg16", 224, 2, 2, 3, 3, 3) }},
		{"vgg19", "16 convolutions of 3×3 in 5 pooled stages, 3 fully connected layers", vggPaper,
			func() (*workloads.Graph, error) { return vgg("vgg19", 224, 2, 2, 4, 4, 4) }},
		{"resnet18", "8 residual blocks of two 3×3 convolutions", resnetPaper,
			func() (*workloads.Graph, error) { return resnet("resnet18", 224, basic, 2, 2, 2, 2) }},
		{"resnet50", "16 bottleneck residual blocks", resnetPaper,
			func() (*workloads.Graph, error) { return resnet("resnet50", 224, bottleneck, 3, 4, 6, 3) }},
		{"resnet101", "33 bottleneck residual blocks", resnetPaper,
			func() (*workloads.Graph, error) { return resnet("resnet101", 224, bottleneck, 3, 4, 23, 3) }},
		{"resnet152", "50 bottleneck residual blocks", resnetPaper,
			func() (*workloads.Graph, error) { return resnet("resnet152", 224, bottleneck, 3, 8, 36, 3) }},
		{"inception_v3", "11 mixed blocks of factorised convolutions, 299×299 input, no auxiliary head",
			"Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, Rethinking the Inception Architecture for Computer Vision, CVPR 2016, arXiv:1512.00567",
			func() (*workloads.Graph, error) { return inceptionV3(299) }},
		{"googlenet", "9 inception blocks with batch normalisation, no auxiliary heads",
			"Szegedy et al., Going Deeper with Convolutions, CVPR 2015, arXiv:1409.4842",
			func() (*workloads.Graph, error) { return googlenet(224) }},
		{"efficientnet_b0", "16 inverted bottlenecks with squeeze-excite and SiLU",
			"Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019, arXiv:1905.11946",
			func() (*workloads.Graph, error) { return efficientnetB0(224) }},
		{"mobilenet_v2", "17 inverted residual blocks with linear bottlenecks",
			"Sandler, Howard, Zhu, Zhmoginov and Chen, MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018, arXiv:1801.04381",
			func() (*workloads.Graph, error) { return mobilenetV2(224) }},
		{"densenet121", "58 densely connected layers in 4 blocks",
			"Huang, Liu, van der Maaten and Weinberger, Densely Connected Convolutional Networks, CVPR 2017, arXiv:1608.06993",
			func() (*workloads.Graph, error) { return densenet121(224) }},
		{"squeezenet1_1", "8 fire blocks, the variant with 2.4 times less computation than 1.0",
			"Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters, arXiv:1602.07360",
			func() (*workloads.Graph, error) { return squeezenet11(224) }},
	}
}

// Names returns the names of all networks in the order of Entries.
func Names() []string {
	var names []string
	for _, e := range Entries() {
		names = append(names, e.Name)
	}
	return names
}

// Get makes the network called name. The error for an unknown name suggests the nearest known one.
func Get(name string) (*workloads.Graph, error) {
	for _, e := range Entries() {
		if e.Name == name {
			return e.Build()
		}
	}
	if near := suggest.Phrase(name, Names()); near != "" {
		return nil, fmt.Errorf("no model %q%s", name, near)
	}
	return nil, fmt.Errorf("no model %q; known are %v", name, Names())
}
