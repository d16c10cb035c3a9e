package devices

import "hidp/internal/units"

// provenance says where a number comes from: a source that was read, or an assumption. Exactly one of the two is given.
type provenance struct {
	Source     string
	Assumption string
}

// quantity is a number of a board or platform file with its provenance: { value = "15 W", source = "…" }. A platform file may
// give the value alone.
type quantity[T any] struct {
	Value T `toml:"value,required,alone"`
	provenance
}

// boardFile is the content of boards/NAME.toml. The field comments below are its reference.
type boardFile struct {
	Title       string           `toml:"title,required"`
	Cluster     []clusterFile    `toml:"cluster,required"`
	Group       []groupFile      `toml:"group"`
	Memory      memoryFile       `toml:"memory,required"`
	Power       powerFile        `toml:"power,required"`
	Network     networkPart      `toml:"network,required"`
	Crossing    []crossingFile   `toml:"crossing"`
	Contention  []contentionFile `toml:"contention"`
	Mode        []modeFile       `toml:"mode,required"`
	Runtime     []runtimeFile    `toml:"runtime,required"`
	Measurement []measuredFile   `toml:"measured"`
	Fitted      []fittedFile     `toml:"fitted"`
}

// clusterFile is a physical core cluster.
type clusterFile struct {
	Name        string                    `toml:"name,required"`
	Kind        string                    `toml:"kind,required"` // cpu or gpu
	Core        string                    `toml:"core,required"` // "Cortex-A57"
	Cores       int                       `toml:"cores,required"`
	Clock       quantity[units.Frequency] `toml:"clock,required"`
	Peak        quantity[units.Compute]   `toml:"peak,required"` // single precision, all cores, at Clock
	HalfPeak    *quantity[units.Compute]  `toml:"half_peak"`     // half precision, tensor cores included; twice Peak if absent
	TF32Peak    *quantity[units.Compute]  `toml:"tf32_peak"`     // of tensor cores that frameworks use for single precision
	Fill        quantity[int]             `toml:"fill,required"`
	ActivePower quantity[units.Power]     `toml:"active_power,required"`
}

// groupFile is CPU clusters that one thread pool uses together.
type groupFile struct {
	Name        string                `toml:"name,required"`
	Members     []string              `toml:"members,required"`
	ActivePower quantity[units.Power] `toml:"active_power,required"`
}

type memoryFile struct {
	Capacity  quantity[units.Size]      `toml:"capacity,required"`
	Reserved  quantity[units.Size]      `toml:"reserved,required"` // operating system and runtime
	Bandwidth quantity[units.Bandwidth] `toml:"bandwidth,required"`
}

type powerFile struct {
	Idle     quantity[units.Power] `toml:"idle,required"`
	WiFi     quantity[units.Power] `toml:"wifi,required"`     // above idle, while a transfer is under way
	Ethernet quantity[units.Power] `toml:"ethernet,required"` // above idle, while a transfer is under way
}

type networkPart struct {
	Message quantity[units.Duration] `toml:"message,required"` // CPU time of a message at this end
}

// crossingFile is the cost of handing a tensor between clusters; from and to are cluster names or kinds.
type crossingFile struct {
	From      string           `toml:"from,required"`
	To        string           `toml:"to,required"`
	Sync      units.Duration   `toml:"sync,required"`
	Bandwidth *units.Bandwidth `toml:"bandwidth"` // of the copy; absent where nothing is copied
	provenance
}

// contentionFile says what share of its speed a cluster keeps while another one works.
type contentionFile struct {
	Cluster string         `toml:"cluster,required"`
	Beside  string         `toml:"beside,required"`
	Keeps   units.Fraction `toml:"keeps,required"`
	provenance
}

// modeFile is a power mode: the clocks of the clusters that are on. The first mode is the one in which the board's parameters hold.
type modeFile struct {
	Name   string                     `toml:"name,required"`
	Clocks map[string]units.Frequency `toml:"clocks,required"`
	Cores  map[string]int             `toml:"cores"`  // where fewer than all are on
	Memory *units.Frequency           `toml:"memory"` // memory clock
	provenance
}

// runtimeFile declares that a runtime runs on a cluster, and what is known beforehand of its parameters.
type runtimeFile struct {
	Name    string     `toml:"name,required"` // "tensorflow/fp32"
	Cluster string     `toml:"cluster,required"`
	Prior   *priorFile `toml:"prior"`
}

// priorFile starts a fit from the parameters of another cluster or runtime, multiplied by factors. Without measured rows
// the parameters are the prior.
type priorFile struct {
	Board     string             `toml:"board"` // this one if empty
	Runtime   string             `toml:"runtime,required"`
	Cluster   string             `toml:"cluster,required"`
	Rates     float64            `toml:"rates,required"`
	Bandwidth float64            `toml:"bandwidth,required"`
	Overhead  float64            `toml:"overhead,required"`
	Classes   map[string]float64 `toml:"classes"` // further factors on the rates of single classes
	provenance
}

// measuredFile is published latencies of whole networks, batch 1, in one setting.
type measuredFile struct {
	Runtime string    `toml:"runtime,required"`
	Cluster string    `toml:"cluster,required"`
	Mode    string    `toml:"mode"` // the first mode if empty
	Note    string    `toml:"note"`
	Source  string    `toml:"source,required"`
	Rows    []rowFile `toml:"rows,required"`
}

type rowFile struct {
	Model   string         `toml:"model,required"`
	Latency units.Duration `toml:"latency,required"`
	Power   *units.Power   `toml:"power"`
	Outlier string         `toml:"outlier"` // why the row is left out of the fit
}

// fittedFile is the parameters of one runtime on one cluster: written by the fit, or by hand with a source.
type fittedFile struct {
	Runtime        string                   `toml:"runtime,required"`
	Cluster        string                   `toml:"cluster,required"`
	Rates          map[string]units.Compute `toml:"rates,required"`
	Activations    units.Bandwidth          `toml:"activation_bandwidth,required"`
	Weights        units.Bandwidth          `toml:"weight_bandwidth,required"`
	ConvOverhead   units.Duration           `toml:"conv_overhead,required"`
	OtherOverhead  units.Duration           `toml:"other_overhead,required"`
	InvokeOverhead units.Duration           `toml:"invoke_overhead,required"`
	Rescale        map[string]float64       `toml:"rescale"`
	LeftOut        *LeftOut                 `toml:"left_out"` // errors that a calibration states
	From           string                   `toml:"from"`     // digest of what the fit rests on; absent where a person wrote the numbers
	provenance
}
