// Command calibrationbench judges the cost model on published latencies and prints the page docs/calibration.md:
//
//	go run ./devices/calibration/calibrationbench > docs/calibration.md
//
// The page says for each protocol what it leaves out.
package main

import (
	"bufio"
	"fmt"
	"os"

	"hidp/devices/calibration/benchmark"
)

func main() {
	w := bufio.NewWriter(os.Stdout)
	benchmark.Page(w, benchmark.Run(benchmark.Sets()))
	if err := w.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "calibrationbench:", err)
		os.Exit(1)
	}
}
