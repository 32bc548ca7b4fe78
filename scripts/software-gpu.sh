#!/usr/bin/env bash
# Brings Mesa's software GPU (lavapipe), so that the tests of GPU kernels run and are not skipped. For machines of CI: Debian 12 or newer, as root.
# Does nothing where there is a software GPU already, and touches no other system. Exit code 1: there is none, and the tests will say that they were skipped.
set -eu
ls /usr/share/vulkan/icd.d/lvp_icd*.json >/dev/null 2>&1 && exit 0
# shellcheck source=/dev/null
. /etc/os-release
[ "${ID:-}" = debian ] && [ "$(id -u)" = 0 ] || { echo "connito: no software GPU: this is no Debian, or not root" >&2; exit 1; }

export DEBIAN_FRONTEND=noninteractive
release=()
if [ "${VERSION_CODENAME:-}" = bookworm ]; then
  # Debian 12's own Mesa is 22.3, in which Dawn finds no adapter.
  release=(--target-release bookworm-backports)
  site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
  [ -n "$site" ]
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site bookworm-backports main" > /etc/apt/sources.list.d/connito-backports.list
fi
timeout 120 apt-get update -qq >&2
timeout 300 apt-get install -y -qq --no-install-recommends "${release[@]}" mesa-vulkan-drivers libvulkan1 >&2
