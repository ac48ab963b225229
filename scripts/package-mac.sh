#!/bin/sh
# Makes "Sender Relay.app", the program that macOS grants the permissions to. --help has the options.
file=$0
while [ -L "$file" ]; do
  target=$(readlink "$file")
  case "$target" in
    /*) file=$target ;;
    *) file=$(dirname -- "$file")/$target ;;
  esac
done
here=$(CDPATH='' cd -- "$(dirname -- "$file")" && pwd -P)
. "$here/launch.sh"
launch package-mac scripts/package-mac.ts '' "$@"
