package slurm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"hidp/internal/durable"
	"hidp/internal/input"
)

// Array is one job array that was submitted, as it stands in the folder.
type Array struct {
	// Job is the id of the array, Cluster the cluster's name if the site has several.
	Job     string `json:"job"`
	Cluster string `json:"cluster,omitempty"`
	// Name is the job's name, unique to this array: ids are reused when a controller loses its state.
	Name string `json:"name"`
	// Tasks holds the shards of each task; it is empty for a job that waits for arrays.
	Tasks [][]int `json:"-"`
}

// folder is the part of the sweep folder that belongs to this package.
func folder(dir string) string { return filepath.Join(dir, "slurm") }

// Logs is the folder with one log per task of the sweep in dir.
func Logs(dir string) string { return filepath.Join(folder(dir), "logs") }

// reserve takes the next number in the folder by creating the task list of an array, and returns the path without suffix.
func reserve(dir string, tasks [][]int) (string, error) {
	if err := os.MkdirAll(Logs(dir), 0o755); err != nil {
		return "", unwritable(dir, err)
	}
	taken, err := filepath.Glob(filepath.Join(escapeGlob(folder(dir)), "??????.tasks"))
	if err != nil {
		return "", fmt.Errorf("cannot list %s: %w", folder(dir), err)
	}
	next := 1
	if len(taken) > 0 {
		last, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(taken[len(taken)-1]), ".tasks"))
		if err != nil {
			return "", fmt.Errorf("%s is not a file of ours; remove it", taken[len(taken)-1])
		}
		next = last + 1
	}
	for ; ; next++ { // another submission may take a number between the look and the act
		stem := filepath.Join(folder(dir), fmt.Sprintf("%06d", next))
		file, err := os.OpenFile(stem+".tasks", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", unwritable(dir, err)
		}
		_, err = file.Write(taskLines(tasks))
		if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
			return "", unwritable(dir, err)
		}
		return stem, nil
	}
}

func unwritable(dir string, err error) error {
	return fmt.Errorf("cannot write into %s: %w; choose a folder that you may write to and that all nodes share", dir, err)
}

// escapeGlob keeps the characters of a path from being a pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

func taskLines(tasks [][]int) []byte {
	var b bytes.Buffer
	for _, shards := range tasks {
		for i, s := range shards {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(strconv.Itoa(s))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func parseTasks(data []byte) ([][]int, error) {
	var tasks [][]int
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		var shards []int
		for _, word := range strings.Fields(lines.Text()) {
			s, err := strconv.Atoi(word)
			if err != nil || s < 0 {
				return nil, fmt.Errorf("line %d: %q is not the number of a shard", len(tasks)+1, word)
			}
			shards = append(shards, s)
		}
		tasks = append(tasks, shards)
	}
	return tasks, nil
}

// keep writes down that the array was accepted.
func keep(stem string, a Array) error {
	data, err := json.Marshal(a)
	if err != nil {
		panic("slurm: " + err.Error())
	}
	if err := durable.WriteFile(durable.Disk{}, stem+".json", append(data, '\n')); err != nil {
		return fmt.Errorf("job %s was submitted but could not be written down: %w; cancel it with scancel --name=%s", a.Job, err, a.Name)
	}
	return nil
}

// arrays reads what was submitted for the sweep in dir, in order. A folder that Slurm never saw has none.
func arrays(dir string) ([]Array, error) {
	files, err := filepath.Glob(filepath.Join(escapeGlob(folder(dir)), "??????.json"))
	if err != nil {
		return nil, fmt.Errorf("cannot list %s: %w", folder(dir), err)
	}
	var out []Array
	for _, path := range files {
		a, err := readArray(path)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func readArray(path string) (Array, error) {
	var a Array
	data, err := input.Read(path, input.Record)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(data, &a); err != nil || a.Job == "" || a.Name == "" {
		return a, fmt.Errorf("%s does not name a job: remove it if no job of this sweep is in the queue", path)
	}
	list := strings.TrimSuffix(path, ".json") + ".tasks"
	if data, err = input.Read(list, input.Record); err != nil {
		return a, err
	}
	if a.Tasks, err = parseTasks(data); err != nil {
		return a, fmt.Errorf("%s: %w", list, err)
	}
	return a, nil
}
