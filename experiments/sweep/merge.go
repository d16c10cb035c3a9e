package sweep

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"hidp/internal/durable"
	"hidp/results"
)

// IncompleteError says that shards are missing.
type IncompleteError struct {
	Dir             string
	Missing, Shards int
	First           int
}

// Error implements error.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%s: %d of %d shards are missing (the first is %d); go on with `hidp sweep --resume`, then merge",
		e.Dir, e.Missing, e.Shards, e.First)
}

// Merge writes all rows of a complete sweep into one file: out ends in .parquet or .csv, or is "-" for CSV on standard output. Rows are
// in order of point and replication and the bytes depend on the sweep alone, not on interruptions or the size of shards. A shard that is
// damaged, or of another sweep or version, is refused by name (*DamagedError). Missing ones are an *IncompleteError. The file appears
// when it is whole.
func Merge(dir, out string) error { return merge(durable.Disk{}, dir, out) }

func merge(files durable.Files, dir, out string) error {
	m, err := ReadManifest(dir)
	if err != nil {
		return err
	}
	there, err := shardFiles(dir)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(allShards(m), func(shard int) bool { _, ok := there[shard]; return ok })
	if len(missing) > 0 {
		return &IncompleteError{dir, len(missing), m.Shards(), missing[0]}
	}
	open, err := sinkFor(out, m)
	if err != nil {
		return err
	}
	return durable.Write(files, out, func(w io.Writer) error {
		to := open(w)
		if err := eachRow(dir, m, to.write); err != nil {
			return err
		}
		return to.close()
	})
}

func allShards(m *Manifest) []int {
	all := make([]int, m.Shards())
	for i := range all {
		all[i] = i
	}
	return all
}

// sink takes rows.
type sink interface {
	write([]cell) error
	close() error
}

func sinkFor(out string, m *Manifest) (func(io.Writer) sink, error) {
	if out == durable.Standard {
		out = "rows.csv"
	}
	switch strings.ToLower(filepath.Ext(out)) {
	case ".parquet":
		metadata := m.metadata(0)[:3] // what does not speak of shards
		return func(w io.Writer) sink { return newLayout(m.Columns).writer(w, metadata) }, nil
	case ".csv":
		return func(w io.Writer) sink { return newCSVWriter(w, m.Columns) }, nil
	}
	return nil, &FolderError{out, "is neither .parquet nor .csv; end the name of the merged file in one of them"}
}

// eachRow reads all shards in order.
func eachRow(dir string, m *Manifest, do func([]cell) error) error {
	for shard := range m.Shards() {
		if err := m.eachRowOf(dir, shard, do); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manifest) eachRowOf(dir string, shard int, do func([]cell) error) error {
	data, err := m.readShard(dir, shard)
	if errors.Is(err, errNoShard) {
		return &IncompleteError{dir, 1, m.Shards(), shard}
	}
	if err != nil {
		return err
	}
	rows, _, err := openParquet(bytes.NewReader(data), int64(len(data)), m.Columns)
	if err != nil {
		return &DamagedError{filepath.Join(dir, shardName(shard)), err.Error()}
	}
	defer rows.close()
	for {
		cells, err := rows.read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return &DamagedError{filepath.Join(dir, shardName(shard)), fmt.Sprintf("is damaged: %v", err)}
		}
		if err := do(cells); err != nil {
			return err
		}
	}
}

// csvWriter writes rows as comma-separated values under a header; null is an empty cell.
type csvWriter struct {
	columns []Column
	w       *csv.Writer
	record  []string
}

func newCSVWriter(w io.Writer, columns []Column) *csvWriter {
	c := &csvWriter{columns: columns, w: csv.NewWriter(w), record: make([]string, len(columns))}
	for i := range columns {
		c.record[i] = columns[i].Name
	}
	_ = c.w.Write(c.record) // csv.Writer keeps its first error for Flush
	return c
}

func (c *csvWriter) write(cells []cell) error {
	for i := range cells {
		c.record[i] = c.columns[i].text(&cells[i])
	}
	return c.w.Write(c.record)
}

func (c *csvWriter) close() error {
	c.w.Flush()
	return c.w.Error()
}

// text writes a cell for programs.
func (c *Column) text(x *cell) string {
	switch {
	case x.null:
		return ""
	case c.Type == "int":
		return strconv.FormatInt(x.int, 10)
	case c.Type == "float":
		return results.Exact(x.number)
	case c.Type == "bool":
		return strconv.FormatBool(x.truth)
	}
	return x.text
}
