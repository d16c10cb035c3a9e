package external_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
	"hidp/strategies/conformance"
	"hidp/strategies/external"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// schema is a JSON Schema of the keywords that docs/external-strategy.schema.json uses. An unknown keyword fails the test.
type schema struct {
	root map[string]any
	used map[string]bool // definitions that a message was held against
}

func openSchema(t *testing.T) *schema {
	data, err := os.ReadFile("../../docs/external-strategy.schema.json")
	require.NoError(t, err)
	s := &schema{used: map[string]bool{}}
	require.NoError(t, json.Unmarshal(data, &s.root))
	return s
}

func (s *schema) definition(name string) map[string]any {
	s.used[name] = true
	return s.root["$defs"].(map[string]any)[name].(map[string]any)
}

// check returns what of a value is against a rule, or "".
func (s *schema) check(rule map[string]any, v any, path string) string {
	for _, keyword := range slices.Sorted(maps.Keys(rule)) {
		if why := s.keyword(rule, keyword, v, path); why != "" {
			return why
		}
	}
	return ""
}

func (s *schema) keyword(rule map[string]any, keyword string, v any, path string) string {
	want := rule[keyword]
	wrong := func() string { return fmt.Sprintf("%s: %v is against %s %v", path, v, keyword, want) }
	switch keyword {
	case "description", "additionalProperties":
	case "$ref":
		return s.check(s.definition(strings.TrimPrefix(want.(string), "#/$defs/")), v, path)
	case "const":
		if v != want {
			return wrong()
		}
	case "enum":
		if !slices.Contains(want.([]any), v) {
			return wrong()
		}
	case "type":
		if !isA(v, want.(string)) {
			return wrong()
		}
	case "minimum":
		if n, ok := v.(float64); ok && n < want.(float64) {
			return wrong()
		}
	case "minItems":
		if len(v.([]any)) < int(want.(float64)) {
			return wrong()
		}
	case "maxItems":
		if len(v.([]any)) > int(want.(float64)) {
			return wrong()
		}
	case "items":
		list, _ := v.([]any)
		for i, x := range list {
			if why := s.check(want.(map[string]any), x, fmt.Sprintf("%s[%d]", path, i)); why != "" {
				return why
			}
		}
	case "required":
		object, _ := v.(map[string]any)
		for _, key := range want.([]any) {
			if _, ok := object[key.(string)]; !ok {
				return path + " lacks " + key.(string)
			}
		}
	case "properties":
		return s.properties(rule, v, path)
	case "oneOf":
		return s.oneOf(want.([]any), v, path)
	default:
		return "the test does not know the keyword " + keyword
	}
	return ""
}

func isA(v any, kind string) bool {
	switch x := v.(type) {
	case map[string]any:
		return kind == "object"
	case []any:
		return kind == "array"
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case float64:
		return kind == "number" || kind == "integer" && x == float64(int64(x))
	}
	return false
}

func (s *schema) properties(rule map[string]any, v any, path string) string {
	object, ok := v.(map[string]any)
	if !ok {
		return path + " is no object"
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		below, known := rule["properties"].(map[string]any)[key].(map[string]any)
		if !known {
			switch others := rule["additionalProperties"].(type) {
			case nil:
				continue
			case bool:
				return path + " has the unknown key " + key
			case map[string]any:
				below = others
			}
		}
		if why := s.check(below, object[key], path+"."+key); why != "" {
			return why
		}
	}
	return ""
}

func (s *schema) oneOf(rules []any, v any, path string) string {
	var reasons []string
	for _, rule := range rules {
		why := s.check(rule.(map[string]any), v, path)
		if why != "" {
			reasons = append(reasons, why)
		}
	}
	if len(rules)-len(reasons) != 1 {
		return fmt.Sprintf("%s fits %d of %d: %s", path, len(rules)-len(reasons), len(rules), strings.Join(reasons, "; "))
	}
	return ""
}

// message holds a line against the messages of one side.
func (s *schema) message(t *testing.T, side, line string) string {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal([]byte(line), &v), line)
	return s.check(s.definition(side), v, side)
}

// asker is a program for the shell that asks everything and answers with placements.
const asker = `read hello; echo '{"type":"hello","protocol":1,"uses_backlog":true,"name":"asker"}'
read problem; echo '{"type":"costs","id":1,"slices":[SLICE,{"node":"jetson-tx2","cluster":"gpu","layers":[1,3],"rows":[0,20]}]}'
read costs; echo '{"type":"forecast","id":1,"placements":[SLICE]}'
read forecast; echo '{"type":"place","id":1,"placements":[SLICE],"warnings":["slow"]}'
read problem; echo '{"type":"infeasible","id":2,"reason":"enough"}'
read problem; echo '{"type":"error","id":3,"reason":"too much"}'`

// All that hidp and programs say to one another is as the schema has it, and the schema refuses what is not.
func TestMessagesFollowTheSchema(t *testing.T) {
	s, dir := openSchema(t), t.TempDir()
	r, b := request(t)
	slice := fmt.Sprintf(`{"node":"jetson-tx2","cluster":"gpu","layers":[1,%d]}`, len(r.Graph.Layers))
	script := filepath.Join(dir, "asker.sh")
	require.NoError(t, os.WriteFile(script, []byte(strings.ReplaceAll(asker, "SLICE", slice)), 0o644))
	programs := map[string]int{
		parts.Program(t, parts.Python, "python3") + " examples/my_strategy.py": 0,
		parts.Program(t, parts.Perl, "perl") + " examples/fastest_board.pl":    0,
		"sh " + script: 1,
	}
	lines := map[string][]string{}
	for program, refusals := range programs {
		said, heard := filepath.Join(dir, "said"), filepath.Join(dir, "heard")
		p := closed(t, "exec:tee "+heard+" | "+program+" | tee "+said, nil)
		answer, err := p.Plan(r, b)
		require.NoError(t, err)
		if refusals > 0 {
			require.Equal(t, []string{"slow"}, answer.Warnings)
			_, err = p.Plan(r, b)
			require.ErrorContains(t, err, "enough")
			_, err = p.Plan(r, b)
			require.ErrorContains(t, err, "too much")
		}
		require.NoError(t, plan.Close(p))
		for side, file := range map[string]string{"to_program": heard, "from_program": said} {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			lines[side] = append(lines[side], strings.Split(strings.TrimSpace(string(data)), "\n")...)
		}
	}
	for side, all := range lines {
		for _, line := range all {
			require.Empty(t, s.message(t, side, line), line)
			require.NotEmpty(t, s.message(t, side, strings.Replace(line, `"type":`, `"kind":`, 1)), "the schema takes anything")
			require.NotEmpty(t, s.message(t, side, strings.Replace(line, `{`, `{"more":1,`, 1)), "the schema takes anything")
		}
	}
	for name := range s.root["$defs"].(map[string]any) {
		require.True(t, s.used[name], "no message was held against %s", name)
	}
}

// The program is refused what the schema refuses: the keys of each message are the same.
func TestKeysAreThoseOfTheSchema(t *testing.T) {
	s := openSchema(t)
	for _, rule := range s.definition("from_program")["oneOf"].([]any) {
		name := strings.TrimPrefix(rule.(map[string]any)["$ref"].(string), "#/$defs/")
		properties := s.definition(name)["properties"].(map[string]any)
		kind := properties["type"].(map[string]any)["const"].(string)
		keys := slices.DeleteFunc(slices.Sorted(maps.Keys(properties)), func(k string) bool { return k == "type" })
		require.Equal(t, keys, external.Keys(kind), kind)
	}
}

// What a program can work out from the accesses of layers is what the planners here use.
func TestAccessesAreNeeds(t *testing.T) {
	compared := 0
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 0xacce55))
		g := conformance.RandomGraph(rng)
		m := external.DescribeModel(g)
		for i := 1; i < len(g.Layers); i++ {
			out := workloads.Part{Layer: i, Box: g.Full(i, 1)}
			if rows := m.Layers[i].Rows; rows > 1 && m.Layers[i].Splittable {
				lo := rng.IntN(rows)
				out = g.Restrict(out, tensor.Row, workloads.Range{Lo: lo, Hi: lo + 1 + rng.IntN(rows-lo)})
			}
			for k, access := range m.Layers[i].Accesses {
				needs := g.Needs(out, k)
				require.Equal(t, needs.Layer, access.Input)
				if needs.Box.Empty() {
					continue
				}
				for _, axis := range access.Axes {
					name, _ := tensor.ParseAxis(axis.Axis)
					of, _ := tensor.ParseAxis(axis.Of)
					want := g.Along(needs, name)
					require.Equal(t, [2]int{want.Lo, want.Hi}, need(axis, g.Along(out, of), g.Along(workloads.Part{Layer: i, Box: g.Full(i, 1)}, of)),
						"seed %d layer %d axis %s", seed, i, axis.Axis)
					compared++
				}
			}
		}
	}
	require.Greater(t, compared, 1000)
}

// need is the formula of the schema.
func need(m external.Map, o, full workloads.Range) [2]int {
	floor := func(a, b int) int {
		q := a / b
		if a%b < 0 {
			q--
		}
		return q
	}
	if m.Whole && o == full {
		return [2]int{0, m.Size}
	}
	lo, hi := floor(o.Lo*m.Mul-m.Lead, m.Div)*m.Post, -floor(-(o.Hi*m.Mul+m.Tail), m.Div)*m.Post
	return [2]int{max(lo, 0), min(hi, m.Size)}
}
