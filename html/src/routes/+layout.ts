// SPDX-License-Identifier: GPL-3.0-or-later
export const ssr = false;
export const prerender = false;
