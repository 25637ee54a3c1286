//! Weight matrices, dense, half or quantized; everything above is written once.

use crate::Result;
use candle_core::{
    DType, Module, Tensor,
    quantized::{QMatMul, QTensor},
};
use std::sync::Arc;

/// A linear layer without bias, stored [out, in].
#[derive(Clone, Debug)]
pub enum Linear {
    /// f32 weights; the gradient flows.
    Dense(Tensor),
    /// bf16 weights, widened to f32 for every product; they do not learn.
    Half(Tensor),
    /// Block-quantized weights; inference only.
    Quantized(QMatMul),
    /// A layer beside which an adapter stands: x W^T + s (x A^T) B^T; the gradient flows to A and B.
    Adapted {
        /// W
        base: Box<Linear>,
        /// A [r, in]
        a: Tensor,
        /// B [out, r]
        b: Tensor,
        /// s
        scale: f64,
    },
}

impl Linear {
    /// A quantized layer.
    ///
    /// # Errors
    /// A block format without a matrix product.
    pub fn quantized(weight: Arc<QTensor>) -> Result<Self> {
        Ok(Self::Quantized(QMatMul::from_arc(weight)?))
    }

    /// x [N, in] to [N, out].
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Dense(weight) => x.matmul(&weight.t()?)?,
            Self::Half(weight) => x.matmul(&weight.to_dtype(DType::F32)?.t()?)?,
            Self::Quantized(weight) => weight.forward(x)?,
            Self::Adapted { base, a, b, scale } => {
                (base.forward(x)? + (x.matmul(&a.t()?)?.matmul(&b.t()?)? * *scale)?)?
            }
        })
    }
}

/// The table of token vectors, stored [V, D]. Quantized rows are decoded one by one, the table is never expanded.
#[derive(Clone, Debug)]
pub enum Embedding {
    /// f32 rows; the gradient flows.
    Dense(Tensor),
    /// bf16 rows, widened one by one; they do not learn.
    Half(Tensor),
    /// Block-quantized rows.
    Quantized(Arc<QTensor>),
}

impl Embedding {
    /// Vectors of `ids` [N] (u32), [N, D].
    ///
    /// # Errors
    /// An id outside the table.
    pub fn forward(&self, ids: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Dense(table) => table.index_select(ids, 0)?,
            Self::Half(table) => table.index_select(ids, 0)?.to_dtype(DType::F32)?,
            Self::Quantized(table) => table.embedding(ids)?,
        })
    }

    /// The same weights as a head that turns states into logits.
    ///
    /// # Errors
    /// A block format without a matrix product.
    pub fn as_head(&self) -> Result<Linear> {
        match self {
            Self::Dense(table) => Ok(Linear::Dense(table.clone())),
            Self::Half(table) => Ok(Linear::Half(table.clone())),
            Self::Quantized(table) => Linear::quantized(table.clone()),
        }
    }
}
