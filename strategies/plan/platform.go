package plan

import (
	"encoding/json"
	"fmt"

	"hidp/devices"
	"hidp/internal/strict"
)

// PlanPlatform returns the platform that the plan in the file called name was made for: the one that the file carries, or that of the
// catalogue that it names. A plan of an old version says neither: the platform is nil. The warning, if any, says that the catalogue's
// platform is no longer what it was.
func Platform(name string, data []byte) (t *devices.Platform, warning string, err error) {
	var f struct {
		Platform string          `json:"platform"`
		Hash     string          `json:"platform_hash"`
		Data     json.RawMessage `json:"platform_data"`
	}
	fault := func(key, format string, args ...any) error {
		return &strict.Error{Faults: []strict.Fault{{File: name, Key: key, Message: fmt.Sprintf(format, args...)}}}
	}
	if _, err := DecodeHeader(name, data); err != nil {
		return nil, "", err
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, "", fault("", "%v", err)
	}
	switch {
	case f.Data != nil:
		if t, err = devices.ParsePlatformJSON(f.Data); err != nil {
			return nil, "", fault("platform_data", "%v", err)
		}
		if t.Hash() != f.Hash {
			return nil, "", fault("platform_data", "is not the platform that platform_hash speaks of; make the plan anew")
		}
	case f.Hash != "":
		if t, err = devices.Open(f.Platform); err != nil {
			return nil, "", fault("platform", "%v; name the platform with --platform", err)
		}
		if t.Hash() != f.Hash {
			warning = fmt.Sprintf("platform %s is no longer what it was when the plan was made", f.Platform)
		}
	}
	return t, warning, nil
}
