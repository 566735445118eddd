// Numbers as people read them. Sizes are in powers of 1024, as the configuration has them.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** [number, unit], both as text: three or four digits at the most. */
export function sizeParts(bytes) {
  let unit = 0;
  while (bytes >= 1023.5 && unit < UNITS.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return [unit > 0 && bytes < 99.95 ? tenth.format(bytes) : whole.format(bytes), UNITS[unit]];
}

export function size(bytes) {
  return sizeParts(bytes).join("\u00a0");
}

export function rate(bytes) {
  return size(bytes) + "/s";
}

export function count(n) {
  return whole.format(n);
}

/** "1 response", "84,112 responses" */
export function many(n, thing) {
  return `${count(n)} ${thing}${n === 1 ? "" : "s"}`;
}

/** Of things per second: small numbers with a decimal. */
export function pace(n) {
  return n > 0 && n < 99.95 ? tenth.format(n) : whole.format(n);
}

/** A share between 0 and 1, or null where there is nothing that it could be of. */
export function percent(share) {
  if (share === null || share === undefined || Number.isNaN(share)) return "–";
  const text = share > 0.999 && share < 1 ? tenth.format(99.9) : share * 100 < 9.95 && share > 0 ? tenth.format(share * 100) : whole.format(share * 100);
  return text + "\u00a0%";
}

export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const minute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export function timeOfDay(unix, withSeconds = true) {
  return (withSeconds ? clock : minute).format(unix * 1000);
}
