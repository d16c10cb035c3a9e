package energy

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// pmicPattern is a line of `vcgencmd pmic_read_adc`: "3V7_WL_SW_A current(0)=0.09075000A", "3V7_WL_SW_V volt(8)=3.71420200V".
var pmicPattern = regexp.MustCompile(`(?m)^\s*([A-Z0-9_]+)_([AV]) (?:current|volt)\([0-9]+\)=([0-9.]+)[AV]\s*$`)

// ParsePMIC returns the rails that have both a current and a voltage, in the order of their currents. EXT5V, the supply of the
// board, has no current: its losses are not seen.
func ParsePMIC(out []byte) ([]Rail, error) {
	volts := map[string]float64{}
	var amperes []Rail
	for _, m := range pmicPattern.FindAllSubmatch(out, -1) {
		v, err := strconv.ParseFloat(string(m[3]), 64)
		if err != nil {
			return nil, fmt.Errorf("energy: pmic_read_adc: %q is not a number", m[3])
		}
		if name := string(m[1]); m[2][0] == 'V' {
			volts[name] = v
		} else {
			amperes = append(amperes, Rail{name, v})
		}
	}
	var rails []Rail
	for _, a := range amperes {
		if v, ok := volts[a.Name]; ok {
			rails = append(rails, Rail{a.Name, float64(a.Watts * v)})
		}
	}
	if len(rails) == 0 {
		return nil, fmt.Errorf("energy: pmic_read_adc: no rail with current and voltage in %.80q", out)
	}
	return rails, nil
}

// PMIC reads the Raspberry Pi 5's power management chip. The user must be in the group video. Every sample starts a program, so not
// more than ten a second. The sum of its rails leaves out the losses of the input converter and what hangs on USB.
type PMIC struct{ run Command }

// NewPMIC returns a sampler that runs vcgencmd.
func NewPMIC(run Command) (*PMIC, error) {
	if run == nil {
		return nil, errNoProgram
	}
	return &PMIC{run}, nil
}

// Name implements Sampler.
func (*PMIC) Name() string { return "vcgencmd pmic_read_adc" }

// Period implements Sampler.
func (*PMIC) Period() time.Duration { return 100 * time.Millisecond }

// Sample implements Sampler.
func (p *PMIC) Sample(ctx context.Context) (Reading, error) {
	out, err := p.run(ctx, "vcgencmd", "pmic_read_adc")
	if err != nil {
		return Reading{}, err
	}
	rails, err := ParsePMIC(out)
	if err != nil {
		return Reading{}, err
	}
	return Reading{Board: total(rails, -1), Rails: rails}, nil
}

// Exec is the Command that runs programs of this machine.
func Exec(ctx context.Context, name string, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errNoProgram
	}
	return out, err
}
