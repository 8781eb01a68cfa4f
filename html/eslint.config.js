// SPDX-License-Identifier: GPL-3.0-or-later
import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

const components = 'a component shows state and calls actions; only the core talks to the network';

export default ts.config(
	{ ignores: ['build/', '.svelte-kit/', 'node_modules/', 'static/'] },
	js.configs.recommended,
	...ts.configs.recommended,
	...svelte.configs.recommended,
	{
		languageOptions: { globals: { ...globals.browser, ...globals.node } },
		rules: {
			'no-undef': 'off',
			'no-console': 'error',
			eqeqeq: 'error',
			'@typescript-eslint/no-explicit-any': 'error',
			'@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }]
		}
	},
	{
		files: ['**/*.svelte', '**/*.svelte.ts', '**/*.svelte.js'],
		languageOptions: {
			parserOptions: { extraFileExtensions: ['.svelte'], parser: ts.parser, svelteConfig }
		}
	},
	{
		rules: {
			// The client always lives at the root of its server.
			'svelte/no-navigation-without-resolve': 'off',
			// Plain maps and sets are used where nothing is to react.
			'svelte/prefer-svelte-reactivity': 'off'
		}
	},
	{
		files: ['src/**/*.svelte'],
		rules: {
			'no-restricted-globals': [
				'error',
				{ name: 'fetch', message: components },
				{ name: 'WebSocket', message: components },
				{ name: 'indexedDB', message: components }
			],
			'svelte/no-at-html-tags': 'error'
		}
	},
	{ files: ['scripts/**', 'test/**'], rules: { 'no-console': 'off' } }
);
