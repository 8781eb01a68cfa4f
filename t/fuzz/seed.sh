#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Seeds of the frame fuzzer in the directory $1: limit, eight cuts, then frames under a mask of zeros.

set -e
cuts='\003\001\007\001\001\005\002\011'

i=0
for first in 201 202 210 211 212 001 002 000 200; do
    i=$((i + 1))
    printf "\\377$cuts\\$first\\205\\000\\000\\000\\000\\003\\350bye\\200\\200\\000\\000\\000\\000" > "$1/one-$i"
done

printf "\\377$cuts\\001\\203\\000\\000\\000\\000\\342\\202\\254\\211\\201\\000\\000\\000\\000p\\200\\204\\000\\000\\000\\000\\360\\237\\230\\200" > "$1/fragments"
printf "\\377$cuts\\202\\376\\000\\176\\000\\000\\000\\000%126s" x > "$1/sixteen"
printf "\\377$cuts\\202\\377\\000\\000\\000\\000\\000\\001\\000\\000\\000\\000\\000\\000%300s" x > "$1/sixty-four"
printf "\\377$cuts\\210\\204\\000\\000\\000\\000\\003\\350\\303\\251" > "$1/close"
