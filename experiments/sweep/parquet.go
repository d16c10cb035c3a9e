package sweep

import (
	"fmt"
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// schema makes the Parquet schema of columns. Keys and axes are required; metrics and error are null where a run failed or did not.
// The columns stand in the order given, which a schema made from a map would lose.
func schema(columns []Column) *parquet.Schema {
	types := map[string]reflect.Type{"int": reflect.TypeFor[int64](), "float": reflect.TypeFor[float64](),
		"text": reflect.TypeFor[string](), "bool": reflect.TypeFor[bool]()}
	var fields []reflect.StructField
	for i, c := range columns {
		tag := c.Name
		if c.optional() {
			tag += ",optional"
		}
		if c.Type == "text" {
			tag += ",dict"
		}
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("C%d", i), Type: types[c.Type],
			Tag: reflect.StructTag(fmt.Sprintf("parquet:%q", tag))})
	}
	return parquet.NewSchema("run", parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}

func (c *Column) optional() bool { return c.Kind == "metric" || c.Kind == "error" }

// rowsPerGroup bounds what a writer keeps in memory.
const rowsPerGroup = 64 << 10

// pageSize bounds the bytes of a column that are not compressed yet. Every shard takes that memory anew for each of its columns: the library's own writers do
// not write whole files again after a Reset (v0.32.0 loses the names of the columns).
const pageSize = 32 << 10

// rowsPerWrite is how many rows go to the library at a time: a call costs more than a row.
const rowsPerWrite = 64

// parquetWriter writes rows of values as zstd-compressed Parquet. Equal rows and metadata give equal bytes.
type parquetWriter struct {
	w      *parquet.GenericWriter[any]
	chunks []*parquet.ColumnWriter // of w
	fields []field                 // by column
	values [][]parquet.Value       // by column, not yet given to w
	rows   int                     // in this row group
}

// field makes values of a column's cells.
type field struct {
	kind  string // the column's type
	level int    // that says that a value is there
	text  string // the last one, which often comes again,
	bytes []byte // and the same
}

// layout is what files with the same columns have in common. Safe for concurrent use.
type layout struct {
	columns []Column
	schema  *parquet.Schema
	codec   *zstd.Codec // it keeps compressors, each about half a megabyte, for the files after
}

func newLayout(columns []Column) *layout {
	return &layout{columns, schema(columns), &zstd.Codec{Level: zstd.SpeedDefault}}
}

func (l *layout) writer(w io.Writer, metadata [][2]string) *parquetWriter {
	options := []parquet.WriterOption{l.schema, parquet.Compression(l.codec), parquet.PageBufferSize(pageSize), parquet.CreatedBy("hidp", "sweep", fmt.Sprint(Format))}
	for _, kv := range metadata {
		options = append(options, parquet.KeyValueMetadata(kv[0], kv[1]))
	}
	to := parquet.NewGenericWriter[any](w, options...)
	p := &parquetWriter{w: to, chunks: to.ColumnWriters()}
	for i := range l.columns {
		f := field{kind: l.columns[i].Type}
		if l.columns[i].optional() {
			f.level = 1
		}
		p.fields = append(p.fields, f)
		p.values = append(p.values, make([]parquet.Value, 0, rowsPerWrite))
	}
	return p
}

// cell is a value of a column: which field counts depends on the column's type.
type cell struct {
	null   bool
	int    int64
	number float64
	text   string
	truth  bool
}

// write appends one row.
func (p *parquetWriter) write(cells []cell) error {
	for i := range cells {
		p.values[i] = append(p.values[i], p.fields[i].value(&cells[i]))
	}
	if p.rows++; p.rows%rowsPerWrite != 0 {
		return nil
	}
	if err := p.flush(); err != nil || p.rows < rowsPerGroup {
		return err
	}
	p.rows = 0
	return p.w.Flush()
}

// flush gives the library what there is.
func (p *parquetWriter) flush() error {
	for i, chunk := range p.chunks {
		if _, err := chunk.WriteRowValues(p.values[i]); err != nil {
			return err
		}
		p.values[i] = p.values[i][:0]
	}
	return nil
}

// close ends the file.
func (p *parquetWriter) close() error {
	if err := p.flush(); err != nil {
		return err
	}
	return p.w.Close()
}

// value returns a cell as a value of the column.
func (f *field) value(x *cell) (v parquet.Value) {
	if x.null {
		return v
	}
	switch f.kind {
	case "int":
		v = parquet.Int64Value(x.int)
	case "float":
		v = parquet.DoubleValue(x.number)
	case "bool":
		v = parquet.BooleanValue(x.truth)
	default:
		if f.bytes == nil || f.text != x.text {
			f.text, f.bytes = x.text, []byte(x.text)
		}
		v = parquet.ByteArrayValue(f.bytes)
	}
	v.SetDefinitionLevel(f.level)
	return v
}

// cell is the inverse of field.value.
func (c *Column) cell(v parquet.Value) cell {
	if v.IsNull() {
		return cell{null: true}
	}
	switch c.Type {
	case "int":
		return cell{int: v.Int64()}
	case "float":
		return cell{number: v.Double()}
	case "bool":
		return cell{truth: v.Boolean()}
	}
	return cell{text: string(v.ByteArray())}
}

// parquetReader reads rows that a parquetWriter wrote.
type parquetReader struct {
	columns []Column
	rows    parquet.Rows
	buffer  []parquet.Row
	next    int
	filled  int
	ended   bool
	cells   []cell
}

// openParquet checks that the file has the columns and returns its metadata.
func openParquet(r io.ReaderAt, size int64, columns []Column) (*parquetReader, map[string]string, error) {
	f, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, nil, fmt.Errorf("is no whole Parquet file: %w", err)
	}
	metadata := map[string]string{}
	for _, kv := range f.Metadata().KeyValueMetadata {
		metadata[kv.Key] = kv.Value
	}
	have := f.Schema().Columns()
	if len(have) != len(columns) {
		return nil, metadata, fmt.Errorf("has %d columns instead of %d", len(have), len(columns))
	}
	for i := range columns {
		if len(have[i]) != 1 || have[i][0] != columns[i].Name {
			return nil, metadata, fmt.Errorf("has column %v where %s should stand", have[i], columns[i].Name)
		}
	}
	rows := parquet.MultiRowGroup(f.RowGroups()...).Rows()
	return &parquetReader{columns: columns, rows: rows, buffer: make([]parquet.Row, 256), cells: make([]cell, len(columns))}, metadata, nil
}

// read returns the next row, which holds until the next call, or io.EOF.
func (p *parquetReader) read() ([]cell, error) {
	for p.next == p.filled {
		if p.ended {
			return nil, io.EOF
		}
		n, err := p.rows.ReadRows(p.buffer)
		p.next, p.filled = 0, n
		if err == io.EOF {
			p.ended = true
		} else if err != nil {
			return nil, err
		}
	}
	for i, v := range p.buffer[p.next] {
		p.cells[i] = p.columns[i].cell(v)
	}
	p.next++
	return p.cells, nil
}

func (p *parquetReader) close() error { return p.rows.Close() }
