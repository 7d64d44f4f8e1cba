#!/bin/bash
# Builds the command with Swift's runtime linked in, and installs it below the given prefix, with completions for bash, zsh and
# fish. What it links against besides are Debian's packages. DESTDIR goes before the prefix, for whoever makes packages.
set -euo pipefail

[[ $# -eq 1 && -n $1 ]] || { echo 'usage: scripts/install.sh PREFIX' >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
[[ -n ${DESTDIR:-} || $1 == /* ]] || set -- "$PWD/$1"
prefix=${DESTDIR:-}$1

cd "$root"
swift build -c release --product cleave --static-swift-stdlib --scratch-path .build-install
binary=$(swift build -c release --product cleave --static-swift-stdlib --scratch-path .build-install --show-bin-path)/cleave

# Completions are written by the command itself, which so has to run before anything is installed.
completions=$(mktemp -d "${TMPDIR:-/tmp}/cleave-install.XXXXXX")
trap 'rm -rf "$completions"' EXIT
for shell in bash zsh fish; do "$binary" --generate-completion-script $shell > "$completions/$shell"; done

place() {
    mkdir -p "$(dirname "$2")"
    install -m "$3" "$1" "$2"
    echo "install: $2"
}
place "$binary" "$prefix/bin/cleave" 755
place "$completions/bash" "$prefix/share/bash-completion/completions/cleave" 644
place "$completions/zsh" "$prefix/share/zsh/site-functions/_cleave" 644
place "$completions/fish" "$prefix/share/fish/vendor_completions.d/cleave.fish" 644
