# hidp: bare `make` lists the targets. Each installs what it needs, or says what is missing, and may be run on a fresh machine.
GO      ?= go
OUT     ?= out
SEED    ?= 1
FUZZTIME ?= 20s
TIMEOUT ?= 9m
BIN     := bin/hidp

.DEFAULT_GOAL := help
.PHONY: help build reproduce figures test test-long bench bench-simgrid bench-fleet bench-sweep bench-compare calibration agents lint fuzz models ort proto clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/hidp
	@scripts/need-go.sh
	$(GO) build -trimpath -buildvcs=auto -o $(BIN) ./cmd/hidp

calibration: ## judge the cost model on published latencies: docs/calibration.md (half a minute)
	@scripts/need-go.sh
	@mkdir -p $(OUT)
	$(GO) run ./devices/calibration/calibrationbench -widths devices/calibration/widths.csv > $(OUT)/calibration.md
	mv $(OUT)/calibration.md docs/calibration.md

agents: ## build bin/hidp-linux-amd64 and -arm64 for boards, and fetch ONNX Runtime for them
	@scripts/need-go.sh
	@for arch in amd64 arm64; do CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build -trimpath -buildvcs=auto -ldflags=-s -o $(BIN)-linux-$$arch ./cmd/hidp || exit 1; done
	scripts/fetch-ort.sh amd64 arm64

reproduce: build ## simulate HiDP and its rivals on the paper's boards: out/fig5.*, out/claims.*
	$(BIN) reproduce --out $(OUT) --seed $(SEED)

figures: build ## only the figures, with fewer seeds
	$(BIN) reproduce fig5 --quick --out $(OUT) --seed $(SEED)

test: ## all tests (under 10 minutes on 2 cores); REQUIRE=all: a test whose part of the machine is missing fails and is not skipped
	@scripts/need-go.sh
	@for tool in fetch-test-models "fetch-ort amd64 arm64" install-simgrid install-sshd install-qemu install-tools "slurm-fixture install"; do \
	  set -- $$tool; name=$$1; shift; \
	  scripts/$$name.sh "$$@" || echo "make test: tests that need it $(if $(REQUIRE),and that REQUIRE=$(REQUIRE) names fail,are skipped)" >&2; done
	REQUIRE=$(REQUIRE) $(GO) test -timeout $(TIMEOUT) ./...

test-long: ## every property with HIDP_TEST_BUDGET (5) times its usual cases (under 30 minutes on 2 cores)
	@scripts/need-go.sh
	@for tool in fetch-test-models fetch-ort; do \
	  scripts/$$tool.sh || echo "make test-long: properties try less without it" >&2; done
	REQUIRE=$(REQUIRE) GO=$(GO) scripts/test-long.sh

bench: ## the speed figures of docs/performance.md, ready for benchstat
	@scripts/need-go.sh
	$(GO) test -run '^$$' -bench . -benchmem -count $${COUNT:-5} ./...

bench-simgrid: ## this simulator and SimGrid by turns on the ring workload (installs SimGrid)
	@scripts/need-go.sh
	scripts/bench-simgrid.sh

bench-fleet: ## fleets of 10 to 10 000 boards: table and figure in out/fleet
	@scripts/need-go.sh
	scripts/bench-fleet.sh

bench-sweep: ## sweeps on one core, on two, and twice side by side
	@scripts/need-go.sh
	scripts/bench-sweep.sh

bench-compare: ## BASE=rev: this tree against another revision; fails on a regression over 10 %
	@scripts/need-go.sh
	BASE=$(BASE) scripts/bench-compare.sh

lint: ## gofmt, go mod tidy, NOTICE, go vet, staticcheck
	@scripts/need-go.sh
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not formatted by gofmt:" >&2; echo "$$files" >&2; exit 1; fi
	$(GO) mod tidy -diff
	scripts/notice.sh --check
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

fuzz: ## every fuzz target for FUZZTIME each
	@scripts/need-go.sh
	FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

models: ## fetch the real ONNX files that some tests use (npm; tests skip without them)
	scripts/fetch-test-models.sh

ort: ## fetch ONNX Runtime for this machine (npm; tests of real inference skip without it)
	scripts/fetch-ort.sh

proto: ## generate the code of the control protocol (installs protoc)
	@scripts/need-go.sh
	scripts/proto.sh

clean: ## remove what the targets above made
	rm -rf $(OUT) bin .cache
