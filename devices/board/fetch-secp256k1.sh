#!/bin/sh
# Fetches the source of libsecp256k1 that this Debian has, for the own wallet, into FOLDER; nothing is installed.
#
#     fetch-secp256k1.sh [FOLDER]        (build/board/libsecp256k1 unless told)
#
# apt checks what comes as it checks every package: the archive's signature, then the checksums. The sources list is the
# machine's own with `deb` read as `deb-src`, in a temporary folder; the machine's stays as it is. Does nothing where the
# source is already there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../../build/board/libsecp256k1}

fail() {
  echo "fetch-secp256k1: $1" >&2
  exit 1
}

is_whole() {
  [ -f "$1/include/secp256k1.h" ] && [ -f "$1/src/precomputed_ecmult_gen.c" ]
}

if is_whole "$folder"; then
  exit 0
fi

command -v apt-get > /dev/null || fail "apt-get is missing: the source comes from Debian's archive"
command -v xz > /dev/null || fail "xz is missing: apt install xz-utils"

work=$(mktemp -d)
fresh=$folder.$$
trap 'rm -rf "$work" "$fresh"' EXIT
# apt's own user, whom root hands the fetching to, must be able to come in
chmod 755 "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/parts" "$work/source"

for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ -f "$list" ] || continue
  sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$list" > "$work/parts/$(basename "$list" .list).list"
done
for list in /etc/apt/sources.list.d/*.sources; do
  [ -f "$list" ] || continue
  sed 's/^Types:.*/Types: deb-src/' "$list" > "$work/parts/$(basename "$list")"
done
find "$work/parts" -type f -empty -delete
[ -n "$(ls "$work/parts")" ] || fail "this machine has no apt sources: /etc/apt/sources.list and sources.list.d are empty"

apt() {
  apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/parts" \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" \
    -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@"
}

# a source of somebody else's that fails is no reason: what matters is whether the package comes
apt update > "$work/log" 2>&1 || true
(cd "$work/source" && apt source --download-only libsecp256k1 >> "$work/log" 2>&1) || {
  cat "$work/log" >&2
  fail "apt-get source libsecp256k1 failed: is the mirror reachable, and does this Debian have libsecp256k1?"
}

original=$(find "$work/source" -name 'libsecp256k1_*.orig.tar.*' ! -name '*.asc')
[ -n "$original" ] || fail "the source package holds no .orig.tar"
mkdir -p "$fresh"
tar -xf "$original" -C "$fresh" --strip-components=1
is_whole "$fresh" || fail "the source package is not laid out as expected"
# of two at a time, one comes first
is_whole "$folder" || { rm -rf "$folder" && mv -T "$fresh" "$folder"; } || is_whole "$folder"
