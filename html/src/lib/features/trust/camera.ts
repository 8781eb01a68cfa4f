// SPDX-License-Identifier: GPL-3.0-or-later
// Whether this browser reads QR codes by itself (BarcodeDetector), and has a camera to ask for.
export interface Detector {
	detect(from: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}

interface DetectorClass {
	new (o: { formats: string[] }): Detector;
	getSupportedFormats(): Promise<string[]>;
}

const known = (): DetectorClass | undefined => (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;

export async function canScan(): Promise<boolean> {
	try {
		if (!navigator.mediaDevices?.getUserMedia || !(await known()?.getSupportedFormats())?.includes('qr_code'))
			return false;
		return (await navigator.mediaDevices.enumerateDevices()).some(({ kind }) => kind === 'videoinput');
	} catch {
		return false;
	}
}

export const detector = (): Detector => new (known()!)({ formats: ['qr_code'] });
