// Powers as pallets/swap/src/pallet/balancer.rs (opentensor/subtensor 14bc6f9f9) computes them with sam0x17/safe-bigmath 013c499:
// rows of numerator, denominator, exponent numerator, exponent denominator, floor(10^18 * (n/d)^(e/f)).
use safe_bigmath::SafeInt;
const ACCURACY: u128 = 1_000_000_000_000_000_000;
struct Rng(u64);
impl Rng { fn next(&mut self) -> u64 { self.0 ^= self.0 << 13; self.0 ^= self.0 >> 7; self.0 ^= self.0 << 17; self.0 } fn below(&mut self, n: u64) -> u64 { self.next() % n } }
fn main() {
    let mut rng = Rng(0x9e3779b97f4a7c15);
    let weights: Vec<u128> = vec![ACCURACY / 2, ACCURACY / 2 + 1_000_000, ACCURACY / 2 - 777, ACCURACY * 51 / 100, ACCURACY / 100, ACCURACY * 99 / 100, 102_337_248_363_782_924];
    println!("[");
    let mut first = true;
    for index in 0..300 {
        let x = 1_000_000 + rng.below(if index % 3 == 0 { 1_000_000_000 } else { 10_000_000_000_000_000 });
        let dx = 1 + rng.below(match index % 4 { 0 => 1_000, 1 => 1_000_000_000, 2 => x, _ => x.saturating_mul(1000).min(1 << 60) });
        let w = if index < 70 { weights[index % weights.len()] } else { ACCURACY / 100 + (rng.next() as u128) % (ACCURACY * 98 / 100) };
        let (e, f, precision, n, d) = match index % 3 {
            0 => (w, ACCURACY - w, 256, x as u128, (x + dx) as u128),
            1 => (ACCURACY - w, w, 256, x as u128, (x + dx) as u128),
            _ => (w, ACCURACY, 1024, (x + dx) as u128, x as u128),
        };
        let r = SafeInt::pow_ratio_scaled(&SafeInt::from(n), &SafeInt::from(d), &SafeInt::from(e), &SafeInt::from(f), precision, &SafeInt::from(ACCURACY)).unwrap();
        println!("{}[\"{n}\",\"{d}\",\"{e}\",\"{f}\",\"{r}\"]", if first { "" } else { "," });
        first = false;
    }
    println!("]");
}
