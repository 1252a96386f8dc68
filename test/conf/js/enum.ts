export enum Level {
  low,
  high,
}
