// Package energy measures what a board consumes, where it can, and says where the numbers come from.
//
// Reading order:
//
//   - energy.go: Sampler, Reading, Find, Record, Integrate, Amount.
//   - ina3221.go: the power monitors of Jetson boards, through hwmon or, on older kernels, iio.
//   - tegrastats.go: the lines that NVIDIA's tegrastats prints.
//   - pmic.go: the power management chip of the Raspberry Pi 5, through vcgencmd.
//
// Where nothing can be measured there is the model: idle power, and active power of busy clusters (sim/trace.Account).
package energy
