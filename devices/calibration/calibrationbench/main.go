// Command calibrationbench judges the cost model on published latencies. It prints the page docs/calibration.md, and
// writes what intervals are widened by:
//
//	go run ./devices/calibration/calibrationbench -widths devices/calibration/widths.csv > docs/calibration.md
//
// The page says for each protocol what it leaves out.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"

	"hidp/devices/calibration/benchmark"
	"hidp/internal/durable"
)

func main() {
	widths := flag.String("widths", "", "write what intervals are widened by to this `FILE`")
	flag.Parse()
	if err := run(*widths); err != nil {
		fmt.Fprintln(os.Stderr, "calibrationbench:", err)
		os.Exit(1)
	}
}

func run(widths string) error {
	results := benchmark.Run(benchmark.Sets())
	var page, table bytes.Buffer
	benchmark.Page(&page, results)
	benchmark.Widths(&table, results)
	if widths != "" {
		if err := durable.WriteFile(durable.Disk{}, widths, table.Bytes()); err != nil {
			return err
		}
	}
	_, err := os.Stdout.Write(page.Bytes())
	return err
}
