package slurm_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// The manifest that the docs offer for Kubernetes is well-formed and follows the contract.
func TestKubernetesManifest(t *testing.T) {
	data, err := os.ReadFile("../../docs/cluster/kubernetes-job.yaml")
	require.NoError(t, err)
	var job struct {
		APIVersion, Kind string
		Spec             struct {
			CompletionMode       string `yaml:"completionMode"`
			Completions          int
			BackoffLimitPerIndex *int `yaml:"backoffLimitPerIndex"`
			Template             struct {
				Spec struct {
					RestartPolicy string `yaml:"restartPolicy"`
					Containers    []struct {
						Command      []string
						VolumeMounts []struct{ Name, MountPath string } `yaml:"volumeMounts"`
					}
					Volumes []struct{ Name string }
				}
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(data, &job))
	pod := job.Spec.Template.Spec
	require.Equal(t, "Job", job.Kind)
	require.Equal(t, "Indexed", job.Spec.CompletionMode)
	require.Positive(t, job.Spec.Completions)
	require.NotNil(t, job.Spec.BackoffLimitPerIndex)
	require.Equal(t, "Never", pod.RestartPolicy, "the API server refuses backoffLimitPerIndex otherwise")
	require.Equal(t, []string{"hidp", "sweep", "exec", "/shared/load", "--shard", "$(JOB_COMPLETION_INDEX)"}, pod.Containers[0].Command)
	require.Equal(t, pod.Volumes[0].Name, pod.Containers[0].VolumeMounts[0].Name)
}
