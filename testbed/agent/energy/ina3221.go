package energy

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// INA3221 reads the monitors of that type that a Jetson has. Their rails differ from board to board; the rail of the whole board is
// VDD_IN or POM_5V_IN where there is one (Nano, TX2, Xavier NX, Orin Nano and NX), else the board is the sum of all rails (AGX).
type INA3221 struct {
	root  fs.FS
	how   string
	rails []inaRail
	board int // index of the rail of the whole board, or -1
}

type inaRail struct {
	name           string
	volts, amperes string // files in mV and mA
	power          string // or a file in mW
}

// OpenHwmon finds the monitors where JetPack 5 and 6 have them:
// /sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*/in{1,2,3}_{label,input} (mV) and curr*_input (mA). The error is fs.ErrNotExist if there
// are none. (Jetson Linux Developer Guide, "Software-Based Power Consumption Modeling"; Linux, Documentation/hwmon/ina3221.rst.)
func OpenHwmon(root fs.FS) (*INA3221, error) {
	dirs, err := fs.Glob(root, "sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*")
	if err != nil {
		panic("energy: " + err.Error()) // the pattern is a constant
	}
	x := &INA3221{root: root, how: "hwmon"}
	for _, dir := range dirs {
		for channel := 1; channel <= 3; channel++ {
			file := func(format string) string { return path.Join(dir, fmt.Sprintf(format, channel)) }
			label, err := text(root, file("in%d_label"))
			if err != nil || label == "NC" || label == "" { // not connected
				continue
			}
			x.add(inaRail{name: label, volts: file("in%d_input"), amperes: file("curr%d_input")})
		}
	}
	return x.complete()
}

// OpenIIO finds the monitors where JetPack 4 has them: /sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_{0,1,2} and
// in_power{0,1,2}_input (mW). The error is fs.ErrNotExist if there are none.
func OpenIIO(root fs.FS) (*INA3221, error) {
	names, err := fs.Glob(root, "sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_*")
	if err != nil {
		panic("energy: " + err.Error())
	}
	x := &INA3221{root: root, how: "iio"}
	for _, file := range names {
		name, err := text(root, file)
		if err != nil || name == "NC" || name == "" {
			continue
		}
		channel := strings.TrimPrefix(path.Base(file), "rail_name_")
		x.add(inaRail{name: name, power: path.Join(path.Dir(file), "in_power"+channel+"_input")})
	}
	return x.complete()
}

func (x *INA3221) add(r inaRail) { x.rails = append(x.rails, r) }

func (x *INA3221) complete() (*INA3221, error) {
	if len(x.rails) == 0 {
		return nil, fmt.Errorf("energy: ina3221 %s: %w", x.how, fs.ErrNotExist)
	}
	x.board = slices.IndexFunc(x.rails, func(r inaRail) bool { return wholeBoard(r.name) })
	return x, nil
}

// wholeBoard reports whether a rail supplies all others: that of the module, or VIN, the input of the whole kit (Jetson Thor).
func wholeBoard(rail string) bool {
	return slices.Contains([]string{"VDD_IN", "POM_5V_IN", "VIN"}, rail)
}

// Name implements Sampler.
func (x *INA3221) Name() string {
	var names []string
	for _, r := range x.rails {
		names = append(names, r.name)
	}
	return "ina3221 " + x.how + ": " + strings.Join(names, " ")
}

// Period implements Sampler. The chip averages over some milliseconds.
func (x *INA3221) Period() time.Duration { return 10 * time.Millisecond }

// Sample implements Sampler.
func (x *INA3221) Sample(context.Context) (Reading, error) {
	var r Reading
	for _, rail := range x.rails {
		watts, err := rail.read(x.root)
		if err != nil {
			return Reading{}, fmt.Errorf("rail %s: %w", rail.name, err)
		}
		r.Rails = append(r.Rails, Rail{rail.name, watts})
	}
	r.Board = total(r.Rails, x.board)
	return r, nil
}

// total returns the power of the rail of the whole board, or the sum if there is none.
func total(rails []Rail, board int) float64 {
	if board >= 0 {
		return rails[board].Watts
	}
	sum := 0.0
	for _, r := range rails {
		sum += r.Watts
	}
	return sum
}

func (r *inaRail) read(root fs.FS) (float64, error) {
	if r.power != "" {
		mw, err := number(root, r.power)
		return mw / 1e3, err
	}
	mv, err := number(root, r.volts)
	if err != nil {
		return 0, err
	}
	ma, err := number(root, r.amperes)
	return float64(mv*ma) / 1e6, err
}

func text(root fs.FS, file string) (string, error) {
	data, err := fs.ReadFile(root, file)
	return strings.TrimSpace(string(data)), err
}

func number(root fs.FS, file string) (float64, error) {
	s, err := text(root, file)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a number", file, s)
	}
	return v, nil
}
