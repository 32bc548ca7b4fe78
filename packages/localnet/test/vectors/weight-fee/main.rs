//! What Subtensor's runtime asks for weight: its polynomial (pallets/transaction-fee/src/lib.rs, `LinearWeightToFee`, opentensor/subtensor
//! 14bc6f9f9) over the weights of its finney metadata, computed by Substrate's own `WeightToFee`, with its rounding.
use smallvec::smallvec;
use sp_arithmetic::Perbill;
use sp_weights::{Weight, WeightToFee, WeightToFeeCoefficient, WeightToFeeCoefficients, WeightToFeePolynomial};

struct Linear;
impl WeightToFeePolynomial for Linear {
    type Balance = u64;
    fn polynomial() -> WeightToFeeCoefficients<u64> {
        smallvec![WeightToFeeCoefficient { coeff_integer: 0, coeff_frac: Perbill::from_parts(500_000), negative: false, degree: 1 }]
    }
}

fn main() {
    // The base of each extrinsic, a keep-alive transfer with its database access, and what a linear generator gives.
    let mut weights = vec![0u64, 1, 999, 1_000, 1_001, 1_999, 2_000, 2_001, 3_000, 108_157_000, 164_051_000, 4_000_000_000_000];
    let mut seed: u64 = 1;
    for _ in 0..200 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        weights.push(seed % 4_000_000_000_000);
    }
    let rows: Vec<String> = weights
        .iter()
        .map(|w| format!("[\"{}\", \"{}\"]", w, Linear::weight_to_fee(&Weight::from_parts(*w, 0))))
        .collect();
    println!("{{\n  \"source\": \"sp-weights 32.0.0 and sp-arithmetic 27.0.0 (weight-fee/main.rs)\",\n  \"weightAndFeeRao\": [\n    {}\n  ]\n}}", rows.join(",\n    "));
}
