# Shared by the scripts; sourced. Sets `root` and changes nothing else.
# shellcheck shell=bash
# shellcheck disable=SC2034  # used by those who source this
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

# Prints the comment block at the top of the script "$1": its usage text.
print_usage() {
  awk 'NR == 1 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$1"
}

# Prints an error "$*" of this script and ends it.
die() {
  echo "$(basename "$0"): $*" >&2
  exit 2
}

# configure DIR [MESON OPTION...]: makes the build folder DIR unless it is there.
configure() {
  local dir="$1"
  shift
  if [[ ! -f "$dir/build.ninja" ]]; then
    meson setup "$dir" "$root" "$@"
  fi
}
