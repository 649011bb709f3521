#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The middle of action.yml: verifies, writes septum.sarif and septum.html, and says on the pull request which flows change.
# The exit code is the verdict's.
set -euo pipefail

appliance=${SEPTUM_APPLIANCE:?}
read -ra arguments <<<"${SEPTUM_ARGUMENTS:-}"
if [[ -n ${SEPTUM_ACKNOWLEDGED:-} ]]; then
    arguments+=(--acknowledged "$SEPTUM_ACKNOWLEDGED")
fi

code=0
septum verify "$appliance" "${arguments[@]}" --format sarif --output septum.sarif || code=$?
septum verify "$appliance" "${arguments[@]}" --format html --output septum.html 2>/dev/null || true # the verdict is known
septum verify "$appliance" "${arguments[@]}" --format github 2>/dev/null || true                   # and so here
case $code in
    0) verdict=proved ;;
    2) verdict=violated ;;
    3) verdict=inconclusive ;;
    *) verdict=failed ;;
esac
if [[ $verdict == proved ]] && grep -q '"suppressions"' septum.sarif; then
    verdict=acknowledged
fi
echo "verdict=$verdict" >>"${GITHUB_OUTPUT:-/dev/null}"

# Against where the pull request branches off. A file that was not there has nothing to be compared with.
if [[ -n ${SEPTUM_PULL_REQUEST:-} && -n ${SEPTUM_BASE:-} ]]; then
    base=$(git merge-base HEAD "origin/$SEPTUM_BASE")
    old=$(mktemp -d)
    trap 'git worktree remove --force "$old"' EXIT
    git worktree add --quiet --detach "$old" "$base"
    if [[ -f $old/$appliance ]]; then
        {
            printf '**septum**: `%s` is %s.\n\n```diff\n' "$appliance" "$verdict"
            septum diff "$old/$appliance" "$appliance" || true # 2: there are differences
            printf '```\n'
        } >"$old.comment"
        gh pr comment "$SEPTUM_PULL_REQUEST" --edit-last --create-if-none --body-file "$old.comment"
        rm -f "$old.comment"
    fi
fi
exit "$code"
