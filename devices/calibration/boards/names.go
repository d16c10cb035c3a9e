package boards

import (
	"slices"
	"strings"

	"hidp/devices/dnns"
	"hidp/workloads/zoo"
)

// candidates lists the networks that somebody with a runtime can measure: those of the zoo, which `hidp model export`
// writes, and for ncnn those that benchncnn brings.
func candidates(group string) []string {
	out := slices.Clone(zoo.Names())
	if group != "ncnn" && group != "vulkan" {
		return out
	}
	out = nil
	for _, name := range dnns.Names() {
		if strings.HasPrefix(name, "ncnn-") && name != "ncnn-vision_transformer" {
			out = append(out, name)
		}
	}
	return out
}
