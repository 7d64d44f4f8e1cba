#!/bin/bash
# Installs the system packages that Cleave is built and tested with, as far as they are missing. Needs Debian 12 or newer
# (or a relative of it) and, unless run as root, sudo.
set -euo pipefail

fail() {
    printf 'install-dependencies: %s\n' "$@" >&2
    exit 1
}

packages=(
    libprotobuf-c-dev protobuf-c-compiler        # ONNX files
    libonnx-dev libprotobuf-dev protobuf-compiler # the ONNX project's checker and shape inference
    libonnx-testdata                              # the ONNX project's test cases
    liblapacke-dev libopenblas-dev                # singular value decomposition
    libdnnl-dev                                   # oneDNN, with OpenMP's libgomp
    zlib1g-dev                                    # npz files, gzipped data sets
    libturbojpeg0-dev libspng-dev                 # JPEG and PNG images
    dataset-fashion-mnist                         # a real data set for tests
    chromium                                      # shows pages in tests
    pkg-config
)
command -v make >/dev/null || packages+=(make)
command -v g++ >/dev/null || packages+=(g++)

# Another Python than Debian's serves as well, as long as it can make a virtual environment with pip in it.
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    packages+=(python3 python3-venv)
fi

if ! command -v swift >/dev/null; then
    fail "swift is missing: install Swift 6.3 from https://www.swift.org/install and put its usr/bin into PATH"
fi

if ! command -v apt-get >/dev/null; then
    fail "apt-get is missing; these Debian packages have to be found elsewhere: ${packages[*]}" \
        "with Homebrew: brew install protobuf-c protobuf onnx lapack openblas onednn zlib jpeg-turbo libspng pkgconf python"
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $state == installed ]] || missing+=("$package")
done

if [[ ${#missing[@]} -eq 0 ]]; then
    echo "install-dependencies: nothing to install"
    exit 0
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || fail "run this as root, or install sudo, to install: ${missing[*]}"
    as_root=(sudo)
fi

echo "install-dependencies: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
