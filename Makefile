# The product and the tests are compiled with different flags, so each has a build folder of its own.
PRODUCT := swift build -c release --product cleave
# Tests run side by side: their OpenMP threads sleep while they wait instead of keeping each other from the processors.
TEST := GOMP_SPINCOUNT=0 swift test -c release -Xswiftc -enable-testing --scratch-path .build-test

# Where `make install` puts the command: PREFIX/bin and PREFIX/share.
PREFIX ?= /usr/local

.PHONY: help build test demo benchmark install clean dependencies witness

help:
	@echo 'make build      install what is missing and build the cleave command in release'
	@echo 'make test       install what is missing and run all tests'
	@echo 'make demo       install what is missing, build, and show the main job on a fixture model'
	@echo 'make benchmark  measure speed, beside ONNX Runtime where .venv-witness is there'
	@echo 'make install    install the command and shell completions below PREFIX, /usr/local unless told otherwise'
	@echo 'make clean      delete what was built'

dependencies:
	@scripts/install-dependencies.sh

witness: dependencies
	@scripts/setup-witness.sh

build: dependencies
	$(PRODUCT)

test: dependencies witness
	$(TEST)
	scripts/check-benchmarks.sh

demo: build
	scripts/demo.sh

benchmark: build
	Benchmarks/run.sh

install: dependencies
	scripts/install.sh "$(PREFIX)"

clean:
	rm -rf .build .build-install .build-test Benchmarks/.build
