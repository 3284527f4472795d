# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# apt with lists, cache and sources of its own under a directory, for other suites or machines
# than this one's: the machine's own configuration stays as it is. The archive is the one that
# this machine installs from, and apt checks signatures and hashes as always.

# The archive that this machine installs its own release from.
archive_uri() {
	local release
	# shellcheck source=/dev/null
	release=$(. /etc/os-release && echo "$VERSION_CODENAME")
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v release="$release" '$1 == release && $2 == "main" && $3 ~ /debian/ { print $3; exit }'
}

archive_keyring() {
	local keyring
	for keyring in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
		[ ! -e "$keyring" ] || { echo "$keyring"; return; }
	done
}

# write_apt_source FILE TYPES SUITES [ARCHITECTURES]
write_apt_source() {
	local uri keyring
	uri=$(archive_uri)
	keyring=$(archive_keyring)
	[ -n "$uri" ] || { echo "no Debian archive found in this machine's apt sources" >&2; return 1; }
	printf 'Types: %s\nURIs: %s\nSuites: %s\nComponents: main\n%s%s' "$2" "$uri" "$3" \
		"${keyring:+Signed-By: $keyring$'\n'}" "${4:+Architectures: $4$'\n'}" >"$1"
}

# private_apt DIR COMMAND ARGUMENT...: DIR/sources has the sources.
private_apt() {
	local dir=$1 command=$2
	shift 2
	mkdir -p "$dir"/{sources,lists/partial,cache/archives/partial}
	"$command" -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$dir/sources" \
		-o Dir::Etc::preferencesparts=/dev/null -o Dir::State::Lists="$dir/lists" \
		-o Dir::Cache="$dir/cache" -o APT::Sandbox::User=root \
		-o Acquire::Check-Valid-Until=false -o Acquire::Languages=none "$@"
}
