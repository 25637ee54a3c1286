# Thin on purpose: xtask/run sees to it that the machine has what is needed, then calls `cargo xtask <command>`.

.PHONY: play test check bench cuda threads

play:  ## build everything and serve http://127.0.0.1:3000; make play ARGS="--port 4000"
	@xtask/run play $(ARGS)

test:  ## formatting, lints, every test, the browser tests
	@xtask/run test

check:  ## formatting, lints, architecture tests: what to run before a commit
	@xtask/run check

bench:  ## speed and sizes, as a table and target/bench.json
	@xtask/run bench $(ARGS)

cuda:  ## the server with its trainer on NVIDIA cards; needs no card to build
	@xtask/run cuda $(ARGS)

threads:  ## the engine with threads as well, from then on in every build; `make test` makes it by itself
	@xtask/run threads
