#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Commands, options, keys, variables and file names are taken from the code: manual, --help,
# completion and example know each of them, and none that does not exist.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
TOOL=$BUILD/bin/criu-lazy-wp
PAGE=docs/man/criu-lazy-wp.1
CONFIG_PAGE=docs/man/criu-lazy-wp.conf.5
declare -A SHORT=([--tree]=-t [--images-dir]=-D [--work-dir]=-W [--log-file]=-o)

# Each prints one name a line; nothing at all would be a test of nothing.
of_code() {
	local found
	found=$("$@" | sort -u)
	[ -n "$found" ] || fail "$*: found nothing in the code"
	echo "$found"
}
TABLE=cli/common/criu-options.c
own_options() {
	sed -n '/Ours, which CRIU does not get/,/^}/s/^\tCLI_OPTION_\([A-Z_]*\),/--\L\1/p' ${TABLE%c}h | tr _ -
}
getopt_options() { sed -n 's/.*{ "\([a-z-]*\)", [a-z]*_argument, NULL.*/--\1/p' "$1"; }
# Of the table, those that a live pre-dump takes.
live_options() { grep -vE 'CLI_OPTION_(OTHER|PRE_DUMP_MODE|MAX_.*|ON_STALL) ' $TABLE | getopt_options -; }
commands() { sed -n 's/^\t{ "\([a-z-]*\)", .*/\1/p' cli/main.c; }
keys() { sed -n 's/^\t{ "\([a-z-]*\)", set_.*/\1/p' cli/common/config.c; }
variables() {
	# That one is only in builds for tests of faults.
	grep -rhoE 'getenv\("[A-Z_]+"\)' --include='*.c' cli session plugin keeper harvest track util |
		sed 's/.*"\(.*\)".*/\1/' | grep -v '^LAZY_WP_FAULT$'
	sed -n 's/^#define VARIABLE "\(.*\)"/\1/p' session/activation.c
}
file_names() { grep -rhoE '"lazy-wp-[a-z%.-]+"' --include='*.[ch]' cli session image harvest | tr -d '"' | sed 's/%u/PID/'; }
# status, stop and show compare their arguments with words.
options_of_command() { getopt_options "cli/cmd-$1.c" && sed -n 's/.*"\(--[a-z-]*\)".*/\1/p' "cli/cmd-$1.c"; }

# Of the manual: what it explains, and all that it mentions.
explained_options() { sed -n 's/^\.It Fl.* -\([a-z-]*\).*/--\1/p' "$1"; }
mentioned_options() { sed -n '/^\./s/Fl -/\n--/gp' "$1" | sed -n 's/^\(--[a-z-]*\).*/\1/p' | sort -u; }

# complete WORD...: what the last word can become, one a line.
complete_words() {
	bash -c '. completion/criu-lazy-wp
		COMP_WORDS=(criu-lazy-wp "$@") COMP_CWORD=$# COMPREPLY=()
		_criu_lazy_wp
		printf "%s\n" "${COMPREPLY[@]}"' - "$@" | sort -u
}

# all_in WHERE FILE: every line of stdin is a line of FILE.
all_in() {
	local missing
	missing=$(sort -u | comm -23 - <(sort -u "$2"))
	[ -z "$missing" ] || fail "$1 does not know: $(xargs <<<"$missing")"
}

words_of() { grep -oE -- '--[a-z][a-z-]+' "$1" | sort -u; }

helps() {
	"$TOOL" --help >"$TMP/tool.help"
	"$CRIU" --help >"$TMP/criu.help"
	"$LAUNCHER" --help | tail -n "+$(($(wc -l <"$TMP/criu.help") + 1))" >"$TMP/launcher.help"
	for name in tool criu launcher; do
		words_of "$TMP/$name.help" >"$TMP/$name.words"
	done
}

launcher_options() {
	of_code own_options >"$TMP/own"
	of_code live_options >"$TMP/live"
	of_code getopt_options $TABLE >"$TMP/table"
	all_in "the manual" <(explained_options $PAGE) <"$TMP/own"
	all_in "criu-lazy-wp --help" "$TMP/tool.words" <"$TMP/own"
	all_in "criu --help" "$TMP/launcher.words" <"$TMP/own"
	grep -v '^--no-' "$TMP/criu.words" | all_in "the table of options" "$TMP/table" # these take no value
	all_in "the manual" <(mentioned_options $PAGE) <"$TMP/live"
	all_in "completion of dump" <(complete_words dump --) <"$TMP/own"
	all_in "completion of pre-dump" <(complete_words pre-dump --) <"$TMP/live"
	echo "launcher: $(wc -l <"$TMP/own") options of ours, $(wc -l <"$TMP/live") of live pre-dumps"
}

# A live pre-dump takes all that CRIU's pre-dump has no use for: whoever dumps gives the same options to both.
live_pre_dump_takes_all() {
	local options name argument
	options=()
	while read -r name argument; do
		options+=("--$name")
		[ "$argument" != required_argument ] || options+=(1)
	done < <(sed -n 's/.*{ "\([a-z-]*\)", \([a-z]*_argument\), NULL, CLI_OPTION_IGNORED.*/\1 \2/p' $TABLE)
	[ ${#options[@]} -gt 30 ] || fail "${#options[@]} options found in the code"
	start_dumpee hot 8 10
	run_criu "$LAUNCHER" pre-dump "$TMP/images" --lazy-wp -t "$DUMPEE" "${options[@]}"
	expect_intact ok
	end_dumpee
}

sub_commands() {
	local command option
	of_code commands >"$TMP/commands"
	all_in "the manual" <(sed -n 's/^\.It Cm \([a-z-]*\)$/\1/p' $PAGE) <"$TMP/commands"
	all_in "--help" <(sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p' "$TMP/tool.help") <"$TMP/commands"
	all_in "completion" <(complete_words '') <"$TMP/commands"
	for command in status stop show verify; do
		of_code options_of_command "$command" >"$TMP/options"
		all_in "the manual" <(mentioned_options $PAGE) <"$TMP/options"
		{ cat "$TMP/options"; echo --help; } | sort -u |
			diff - <(complete_words "$command" -) || fail "completion of $command differs"
		"$TOOL" "$command" --help >"$TMP/help"
		while read -r option; do
			grep -qwE -- "$option|${SHORT[$option]-$option}" "$TMP/help" || fail "$command --help lacks $option"
		done <"$TMP/options"
	done
	while read -r command; do
		"$TOOL" "$command" --help >"$TMP/help" || fail "$command --help: exit $?"
		[ -s "$TMP/help" ] || fail "$command --help says nothing"
	done <"$TMP/commands"
	echo "criu-lazy-wp: $(wc -l <"$TMP/commands") commands"
}

configuration() {
	of_code keys >"$TMP/keys"
	sed -n 's/^\.It Cm \([a-z-]*\)$/\1/p' $CONFIG_PAGE | sort | diff "$TMP/keys" - || fail "keys of the manual differ"
	sed -n 's/^#\([a-z-]*\) = .*/\1/p' docs/criu-lazy-wp.conf | sort | diff "$TMP/keys" - ||
		fail "keys of the example differ"
	# shellcheck disable=SC2016
	all_in docs/engines.md <(sed -n 's/^| `\([a-z-]*\)` |.*/\1/p' docs/engines.md) <"$TMP/keys"
	explained_options $PAGE >"$TMP/explained"
	sed '/^tracker$/s/.*/lazy-wp/; s/^/--/' "$TMP/keys" | all_in "the manual's options" "$TMP/explained"
	# It is valid with its comments taken away.
	sed -n 's/^#\([a-z-]* = .*\)/\1/p' docs/criu-lazy-wp.conf | sed "s|^real-criu = .*|real-criu = $CRIU|" >"$TMP/conf"
	LAZY_WP_CONFIG=$TMP/conf "$LAUNCHER" --version >/dev/null || fail "the example is not valid"
}

# Each value that the manual offers is taken, each that completion offers too.
values() {
	local value
	for value in $(complete_words pre-dump --log-level ''); do
		"$LAUNCHER" check --lazy-wp=off --log-level "$value" >/dev/null 2>"$TMP/err" || true
		! grep -q 'is wanted' "$TMP/err" || fail "--log-level $value: $(cat "$TMP/err")"
	done
	for value in $(complete_words dump --lazy-wp = ''); do
		"$LAUNCHER" check --lazy-wp="$value" >/dev/null 2>"$TMP/err" || true
		! grep -q 'no such tracker' "$TMP/err" || fail "--lazy-wp=$value: $(cat "$TMP/err")"
	done
}

# default_is OPTION NUMBER: in manual and --help
default_is() {
	[ -n "$2" ] || fail "no default of $1 in the code"
	sed -n "/^\.It Fl -$1 /,/^\.It/p" $PAGE | grep -qx "Default: $2\." || fail "manual: default of --$1 is $2"
}
number_of() { sed -n "s/^#define $1 *\([0-9]*\).*/\1/p" "$2"; }

defaults() {
	default_is max-downtime "$(number_of ROUNDS_DOWNTIME_MS cli/common/rounds.h)"
	default_is max-rounds "$(number_of ROUNDS_MAX cli/common/rounds.h)"
	default_is idle-limit "$(($(sed -n 's/^#define KEEPER_IDLE_S *\(([0-9 *]*)\).*/\1/p' keeper/client/keeper-client.h)))"
	grep -q "(${number:=$(number_of ROUNDS_DOWNTIME_MS cli/common/rounds.h)})" "$TMP/tool.help" ||
		fail "--help: default of --max-downtime is $number"
}

others() {
	of_code variables | all_in "the manual" <(sed -n 's/^\.It Ev \([A-Z_]*\)$/\1/p' docs/man/*)
	of_code file_names | all_in "the manual" <(sed -n 's/^\.It Pa \(.*\)$/\1/p' $PAGE)
}

# The other way round: nothing is told that does not exist.
nothing_invented() {
	{ cat "$TMP/own" "$TMP/live" "$TMP/criu.words"; for c in status stop show verify; do options_of_command "$c"; done
		printf '%s\n' --help --version; } >"$TMP/known"
	for page in docs/man/*; do
		mentioned_options "$page" | all_in "the code (for $page)" "$TMP/known"
	done
	for name in tool launcher; do
		all_in "the code (for --help)" "$TMP/known" <"$TMP/$name.words"
	done
	words_of completion/criu-lazy-wp | all_in "the code (for completion)" "$TMP/known"
}

# groff tells more than man shows.
formatted() {
	local page
	for page in docs/man/*; do
		! command -v groff >/dev/null || [ -z "$(groff -ww -mdoc -Tutf8 -z "$page" 2>&1)" ] || fail "groff: $page"
		! command -v mandoc >/dev/null || mandoc -Tlint -W warning "$page" || fail "mandoc: $page"
	done
}

helps
launcher_options
live_pre_dump_takes_all
sub_commands
configuration
values
defaults
others
nothing_invented
formatted
docs/how-it-works.py | diff - docs/how-it-works.svg || fail "docs/how-it-works.svg is not what its script draws"
