# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by packaging/run and packaging/test: installs what is missing, fetches LibTorch, configures, builds. A second start does none of it.
# Errors end the script with one sentence.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bitwright
torch_version=2.13.0+cpu

# What Debian 12 has to have. One list: run, test and CI use it.
packages=(
  cmake ninja-build g++ ccache mold pkg-config git python3 ca-certificates
  nlohmann-json3-dev libsqlite3-dev libsqlitecpp-dev libpcre2-dev libutf8proc-dev libcli11-dev
  libgtest-dev libgmock-dev libbenchmark-dev
)

say() { printf '%s\n' "$*" >&2; }
die() { say "packaging: $*"; exit 1; }

# Runs a command as root. $missing names the packages it is about.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "some Debian packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
  fi
}

# Installs the given Debian packages that are not there yet.
need() {
  command -v dpkg-query >/dev/null || die "this set-up knows Debian and its relatives; install yourself what corresponds to: $*"
  local installed package
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
  missing=()
  for package in "$@"; do
    grep -qxF "installed $package" <<<"$installed" || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  say "installing ${missing[*]}"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=550 -qq)
  local install=("${apt[@]}" install -y --no-install-recommends "${missing[@]}")
  # the lists may be absent or old: update only then
  if ! as_root "${install[@]}" </dev/null >/dev/null 2>&1; then
    as_root "${apt[@]}" update </dev/null >/dev/null || die "apt-get update failed; is there a network?"
    as_root "${install[@]}" </dev/null >/dev/null || die "apt-get could not install: ${missing[*]}"
  fi
}

# Sets BITWRIGHT_TORCH to a folder with include/ and lib/, fetching the CPU wheel once if need be; empty: Debian's package.
find_torch() {
  if [ -n "${BITWRIGHT_TORCH:-}" ]; then
    [ -e "$BITWRIGHT_TORCH/lib/libtorch_cpu.so" ] || die "BITWRIGHT_TORCH=$BITWRIGHT_TORCH has no lib/libtorch_cpu.so; point it at a LibTorch folder or unset it"
    return
  fi
  local folder=$cache/libtorch-$torch_version
  local from_debian=$cache/libtorch-from-debian  # written when no wheel was to be had; remove it to try again
  if [ ! -e "$folder/lib/libtorch_cpu.so" ] && [ ! -e "$from_debian" ]; then
    fetch_torch "$folder" || { mkdir -p "$cache" && : >"$from_debian"; }
  fi
  if [ -e "$folder/lib/libtorch_cpu.so" ]; then
    export BITWRIGHT_TORCH=$folder
  else
    need libtorch-dev libopenblas0-openmp
  fi
}

# Unpacks the CPU wheel, a version that exists only as such, into $1: the configured package index first, then the vendor's.
fetch_torch() {
  say "fetching LibTorch $torch_version (190 MB; it is its vendor's and contains Intel MKL)"
  command -v pip3 >/dev/null || command -v pip >/dev/null || need python3-pip
  local download index problem=
  download=$(mktemp -d)
  for index in "" "https://download.pytorch.org/whl/cpu"; do
    if python3 -m pip download -q --no-deps --only-binary=:all: --python-version 3.11 --platform manylinux_2_28_x86_64 ${index:+--index-url "$index"} \
      -d "$download" "torch==$torch_version" </dev/null >/dev/null 2>"$download/log"; then
      say "unpacking it into $1"
      python3 "$root/packaging/unpack_wheel.py" "$download"/torch-*.whl "$1" || { rm -rf "$download"; die "the LibTorch wheel could not be unpacked into $1"; }
      rm -rf "$download"
      return 0
    fi
    problem=$(tail -n 1 "$download/log")
  done
  rm -rf "$download"
  say "no wheel to be had ($problem); taking Debian's libtorch-dev instead"
  return 1
}

# Compilers at once: one per processor, but no more than memory allows (1.3 GB for a file with LibTorch's headers).
compilers() {
  local processors gigabytes
  processors=$(nproc)
  gigabytes=$(awk '/^MemAvailable/ {print int($2 / 1000000)}' /proc/meminfo)
  local most=$((gigabytes * 2 / 3))
  [ "$most" -ge 1 ] || most=1
  echo $((processors < most ? processors : most))
}

# Configures and builds a preset. $1: preset; the rest: extra cmake arguments.
build() {
  local preset=$1 folder=$root/build/$1
  shift
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
  cd "$root"
  [ -e "$folder/build.ninja" ] || say "building into build/$preset; the first time takes some minutes"
  mkdir -p "$folder"
  cmake --preset "$preset" -DBITWRIGHT_TORCH="${BITWRIGHT_TORCH:-}" "$@" >"$folder/configure.log" 2>&1 || { cat "$folder/configure.log" >&2; die "configuring failed"; }
  if [ -t 2 ]; then  # somebody is watching
    cmake --build --preset "$preset" -j "$(compilers)" >&2 || die "building failed"
    return
  fi
  cmake --build --preset "$preset" -j "$(compilers)" >"$folder/build.log" 2>&1 || {
    grep -E 'error|FAILED|warning|Killed' "$folder/build.log" | head -40 >&2
    die "building failed; all of it: build/$preset/build.log"
  }
}
