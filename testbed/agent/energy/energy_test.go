package energy

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/testbed/wire"
)

func files(content map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range content {
		root[name] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	return root
}

// An Orin Nano: labels and values as the kernel's ina3221 driver shows them.
func orinNano() fstest.MapFS {
	const dir = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/"
	return files(map[string]string{
		dir + "in1_label": "VDD_IN", dir + "in1_input": "4960", dir + "curr1_input": "1000",
		dir + "in2_label": "VDD_CPU_GPU_CV", dir + "in2_input": "4952", dir + "curr2_input": "250",
		dir + "in3_label": "VDD_SOC", dir + "in3_input": "4952", dir + "curr3_input": "300",
		dir + "in7_label": "sum of shunt voltages", dir + "in7_input": "0"})
}

func TestHwmon(t *testing.T) {
	s, err := OpenHwmon(orinNano())
	require.NoError(t, err)
	r, err := s.Sample(t.Context())
	require.NoError(t, err)
	require.Equal(t, "ina3221 hwmon: VDD_IN VDD_CPU_GPU_CV VDD_SOC", s.Name())
	require.InDelta(t, 4.96, r.Board, 1e-9, "the input, not the sum")
	require.InDelta(t, 1.238, r.Rails[1].Watts, 1e-9)
}

// An AGX Orin has two chips, unconnected channels, and no rail for all.
func TestHwmonWithoutATotal(t *testing.T) {
	const a, b = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/", "sys/bus/i2c/drivers/ina3221/1-0041/hwmon/hwmon4/"
	s, err := OpenHwmon(files(map[string]string{
		a + "in1_label": "VDD_GPU_SOC", a + "in1_input": "20000", a + "curr1_input": "100",
		a + "in2_label": "VDD_CPU_CV", a + "in2_input": "20000", a + "curr2_input": "50",
		b + "in1_label": "NC", b + "in1_input": "0", b + "curr1_input": "0",
		b + "in2_label": "VDDQ_VDD2_1V8AO", b + "in2_input": "20000", b + "curr2_input": "25"}))
	require.NoError(t, err)
	r, err := s.Sample(t.Context())
	require.NoError(t, err)
	require.Len(t, r.Rails, 3)
	require.InDelta(t, 3.5, r.Board, 1e-9)
}

func TestIIO(t *testing.T) {
	const dir = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/"
	root := files(map[string]string{
		dir + "rail_name_0": "POM_5V_IN", dir + "in_power0_input": "1750",
		dir + "rail_name_1": "POM_5V_GPU", dir + "in_power1_input": "0",
		dir + "rail_name_2": "POM_5V_CPU", dir + "in_power2_input": "366"})
	s, err := OpenIIO(root)
	require.NoError(t, err)
	r, err := s.Sample(t.Context())
	require.NoError(t, err)
	require.Equal(t, Reading{Board: 1.75, Rails: []Rail{{"POM_5V_IN", 1.75}, {"POM_5V_GPU", 0}, {"POM_5V_CPU", 0.366}}}, r)
	root[dir+"in_power2_input"].Data = []byte("n/a")
	_, err = s.Sample(t.Context())
	require.ErrorContains(t, err, `rail POM_5V_CPU: `+dir+`in_power2_input: "n/a" is not a number`)
	delete(root, dir+"in_power2_input")
	_, err = s.Sample(t.Context())
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestTegrastats(t *testing.T) {
	for line, want := range map[string][]Rail{
		"RAM 1923/3964MB (lfb 2x2MB) SWAP 191/1982MB (cached 6MB) IRAM 0/252kB(lfb 252kB) CPU [5%@1224,off] EMC_FREQ 0%@1600 GR3D_FREQ 0%@76 " +
			"PLL@37C CPU@40C PMIC@50C POM_5V_IN 1750/1628 POM_5V_GPU 0/0 POM_5V_CPU 366/406": {
			{"POM_5V_IN", 1.75}, {"POM_5V_GPU", 0}, {"POM_5V_CPU", 0.366}},
		"RAM 2448/7620MB (lfb 3x4MB) CPU [1%@729,0%@729] GR3D_FREQ 0% tj@48.4C VDD_IN 4123mW/4100mW VDD_CPU_GPU_CV 560mW/562mW VDD_SOC 1403mW/1399mW": {
			{"VDD_IN", 4.123}, {"VDD_CPU_GPU_CV", 0.56}, {"VDD_SOC", 1.403}},
	} {
		rails, err := ParseTegrastats([]byte(line))
		require.NoError(t, err)
		require.Equal(t, want, rails)
	}
	_, err := ParseTegrastats([]byte("RAM 1/2MB"))
	require.ErrorContains(t, err, "no rail")
}

const pmic = ` 3V7_WL_SW_A current(0)=0.10000000A
   VDD_CORE_A current(7)=2.00000000A
     NOBODY_A current(9)=9.00000000A
 3V7_WL_SW_V volt(8)=3.70000000V
   VDD_CORE_V volt(15)=0.75000000V
      EXT5V_V volt(24)=5.15000000V
       BATT_V volt(25)=0.00000000V
`

func TestPMIC(t *testing.T) {
	rails, err := ParsePMIC([]byte(pmic))
	require.NoError(t, err)
	require.Len(t, rails, 2)
	require.InDelta(t, 0.37, rails[0].Watts, 1e-9)
	require.InDelta(t, 1.5, rails[1].Watts, 1e-9)
	_, err = ParsePMIC([]byte("error=1 error_msg=\"Command not registered\""))
	require.ErrorContains(t, err, "no rail")
}

// machine answers like a machine that has the given programs.
func machine(programs map[string]string) Command {
	return func(_ context.Context, name string, args ...string) ([]byte, error) {
		for program, out := range programs {
			if strings.Contains(name+" "+strings.Join(args, " "), program) {
				return []byte(out), nil
			}
		}
		if name == "sh" {
			return nil, nil
		}
		return nil, errNoProgram
	}
}

func TestFind(t *testing.T) {
	s, err := Find(t.Context(), orinNano(), nil)
	require.NoError(t, err)
	require.Contains(t, s.Name(), "hwmon")
	s, err = Find(t.Context(), files(nil), machine(map[string]string{"vcgencmd": pmic}))
	require.NoError(t, err)
	require.Contains(t, s.Name(), "vcgencmd")
	s, err = Find(t.Context(), files(nil), machine(map[string]string{"tegrastats": "VDD_IN 4123mW/4100mW\n"}))
	require.NoError(t, err)
	require.Equal(t, "tegrastats", s.Name())
	_, err = Find(t.Context(), files(nil), machine(nil))
	require.Equal(t, ErrNoMonitor.Error(), err.Error())
	_, err = Find(t.Context(), files(nil), machine(map[string]string{"vcgencmd": "VCHI initialization failed"}))
	require.ErrorIs(t, err, ErrNoMonitor)
	require.ErrorContains(t, err, "vcgencmd pmic_read_adc: ")
	_, err = Find(t.Context(), files(nil), Exec)
	require.ErrorIs(t, err, ErrNoMonitor, "unless the tests run on a Jetson")
}

func TestIntegrate(t *testing.T) {
	_, ok := Integrate(nil, 0, time.Second)
	require.False(t, ok)
	ramp := []Reading{{At: time.Second, Board: 2}, {At: 3 * time.Second, Board: 6}}
	for _, c := range []struct{ from, to, joules float64 }{
		{0, 1, 2}, {1, 3, 8}, {2, 3, 5}, {3, 5, 12}, {0, 5, 22}, {1.5, 2.5, 4}, {2, 2, 0}} {
		got, ok := Integrate(ramp, time.Duration(c.from*1e9), time.Duration(c.to*1e9))
		require.True(t, ok)
		require.InDelta(t, c.joules, got, 1e-9, "%v", c)
	}
}

func TestAmountsSayWhereTheyComeFrom(t *testing.T) {
	model := Amount{Joules: 7, Source: "board file"}
	require.Equal(t, Amount{7, Modelled, "board file"}, Of(nil, "pmic", 0, time.Second, model))
	require.Equal(t, Amount{3, Measured, "pmic"}, Of([]Reading{{Board: 3}}, "pmic", 0, time.Second, model))
}

// flaky fails every third time and takes its time.
type flaky struct {
	clock wire.Clock
	n     int
}

func (*flaky) Name() string          { return "flaky" }
func (*flaky) Period() time.Duration { return 10 * time.Millisecond }
func (f *flaky) Sample(ctx context.Context) (Reading, error) {
	f.n++
	_ = f.clock.Sleep(ctx, f.clock.Now()+2*time.Millisecond)
	if f.n%3 == 0 {
		return Reading{}, errors.New("bus error")
	}
	return Reading{Board: 5}, nil
}

func TestRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := wire.NewTimers()
		ctx, cancel := context.WithTimeout(t.Context(), 95*time.Millisecond)
		defer cancel()
		readings, err := Record(ctx, &flaky{clock: clock}, clock, time.Millisecond)
		require.ErrorContains(t, err, "flaky: bus error")
		require.Len(t, readings, 7)
		require.Equal(t, time.Millisecond, readings[0].At, "the middle of the sample")
		require.Equal(t, 31*time.Millisecond, readings[2].At)
	})
}
