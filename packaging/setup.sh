# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by packaging/run and packaging/test: installs what is missing, fetches LibTorch, configures, builds. A second start does none of it.
# Errors end the script with one sentence.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bitwright
torch_version=2.13.0+cpu

# What Debian 12 has to have. One list: run, test and CI use it.
packages=(
  cmake ninja-build g++ ccache lld pkg-config git python3 ca-certificates
  nlohmann-json3-dev libsqlite3-dev libsqlitecpp-dev libpcre2-dev libutf8proc-dev libcli11-dev
  libgtest-dev libgmock-dev libbenchmark-dev
)
# The desk on top of that: Qt 6, QCustomPlot, and a display for tests without one.
desk_packages=(
  qt6-base-dev qt6-svg-dev qt6-tools-dev qt6-tools-dev-tools qt6-l10n-tools libqcustomplot-dev libqcustomplot2.1-qt6 libgl1-mesa-dri
  libxcb-cursor0 fonts-dejavu-core xvfb xauth
)

# Phones: genuine adb, the runner's cross-compiler, and what runs it here for tests.
phone_packages=(adb g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static)

say() { printf '%s\n' "$*" >&2; }
die() { say "packaging: $*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "some Debian packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
  fi
}

# Installs the given Debian packages that are not there yet.
need() {
  missing=()
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  command -v apt-get >/dev/null || die "this set-up knows Debian and its relatives; install yourself what corresponds to: ${missing[*]}"
  say "installing ${missing[*]}"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=550 -qq)
  if ! as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
    as_root "${apt[@]}" update >/dev/null || die "apt-get update failed"
    as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null || die "apt-get could not install: ${missing[*]}"
  fi
}

# Sets BITWRIGHT_TORCH to a folder with include/ and lib/, fetching the CPU wheel once if need be; empty: Debian's package.
find_torch() {
  if [ -n "${BITWRIGHT_TORCH:-}" ]; then
    [ -e "$BITWRIGHT_TORCH/lib/libtorch_cpu.so" ] || die "BITWRIGHT_TORCH=$BITWRIGHT_TORCH has no lib/libtorch_cpu.so; point it at a LibTorch folder or unset it"
    return
  fi
  export BITWRIGHT_TORCH=$cache/libtorch-$torch_version
  [ -e "$BITWRIGHT_TORCH/lib/libtorch_cpu.so" ] && return
  say "fetching LibTorch $torch_version (190 MB; it is its vendor's and contains Intel MKL)"
  command -v pip3 >/dev/null || command -v pip >/dev/null || need python3-pip
  local pip=(python3 -m pip) folder index
  folder=$(mktemp -d)
  for index in "" "https://download.pytorch.org/whl/cpu"; do
    if "${pip[@]}" download -q --no-deps --only-binary=:all: --python-version 3.11 --platform manylinux_2_28_x86_64 ${index:+--index-url "$index"} \
      -d "$folder" "torch==$torch_version" >/dev/null 2>"$folder/log"; then
      say "unpacking it into $BITWRIGHT_TORCH"
      rm -rf "$BITWRIGHT_TORCH"
      python3 "$root/packaging/unpack_wheel.py" "$folder"/torch-*.whl "$BITWRIGHT_TORCH" || die "the LibTorch wheel could not be unpacked"
      rm -rf "$folder"
      return
    fi
  done
  say "no wheel to be had ($(tail -n 1 "$folder/log")); taking Debian's libtorch-dev instead"
  rm -rf "$folder"
  unset BITWRIGHT_TORCH
  need libtorch-dev libopenblas0-openmp
}

# Configures and builds a preset. $1: preset; the rest: extra cmake arguments.
build() {
  local preset=$1
  shift
  # Another checkout of the same files hits the cache too: paths are relative to the root, and the build folder's own name does not count.
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
  cd "$root"
  local log=$root/build/$preset/configure.log
  mkdir -p "$root/build/$preset"
  cmake --preset "$preset" -DBITWRIGHT_TORCH="${BITWRIGHT_TORCH:-}" "$@" >"$log" 2>&1 || { cat "$log" >&2; die "configuring failed"; }
  cmake --build --preset "$preset" >"$root/build/$preset/build.log" 2>&1 || { grep -E 'error|FAILED|warning' "$root/build/$preset/build.log" | head -40 >&2; die "building failed; all of it: build/$preset/build.log"; }
}
