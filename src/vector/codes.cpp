#include "vector/codes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/assert.hpp"
#include "vector/hnsw.hpp"
#include "vector/kernels.hpp"

namespace trefoil::vector {

namespace {

constexpr std::size_t kRounds = 3;
constexpr std::uint64_t kRotationSeed = 0x5452'4546'4F49'4CULL;  // part of what a code means; codes are never stored on disk

std::size_t roundUp(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Of bytes: rounding alone is off by range / 127 * sqrt(1/12) = 0.0091; elements beyond the range add to it.
constexpr std::array<float, VectorCodes::kErrorClasses> kByteErrors = {
    0.0095F, 0.0105F, 0.012F, 0.0145F, 0.02F, 0.03F, 0.06F, std::numeric_limits<float>::infinity()};

// The distance between `values` and what the bytes, less `zero`, stand for.
template <typename Byte>
double byteError(const float* values, const Byte* bytes, std::size_t count, int zero, float step) {
  float squares = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float difference = values[i] - step * static_cast<float>(bytes[i] - zero);
    squares += difference * difference;
  }
  return std::sqrt(static_cast<double>(squares));
}

// To the nearest binary16, ties to even. |value| is at most 1.
std::uint16_t toHalf(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000U;
  // Adding 2^-1 (times 2^-14 for subnormals) aligns the mantissa so that the addition itself rounds.
  const float magnitude = std::fabs(value);
  if (magnitude < 0x1p-14F) {
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(magnitude + 0.5F) & 0xFFFFU));
  }
  const auto positive = std::bit_cast<std::uint32_t>(magnitude);
  const std::uint32_t rounded = positive + 0xFFFU + (positive >> 13 & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - (112U << 23)) >> 13));
}

}  // namespace

VectorCodes::VectorCodes(Metric metric, HnswCodes kind, std::size_t dimension)
    : metric_(metric), kind_(kind), dimension_(dimension), origin_(metric == Metric::kL2 ? dimension : 0) {
  TREFOIL_ASSERT(kind != HnswCodes::kAuto);
  const std::size_t element = kind == HnswCodes::kInt8 ? 1 : kind == HnswCodes::kFloat16 ? 2 : 4;
  errors_.fill(kind == HnswCodes::kFloat16 ? 0x1p-11F + 0x1p-25F * std::sqrt(static_cast<float>(dimension)) : 0);
  errors_.back() = std::numeric_limits<float>::infinity();
  padded_ = roundUp(dimension, kind == HnswCodes::kFloat32 ? 16 : 64);
  code_bytes_ = padded_ * element;
  if (kind == HnswCodes::kInt8) {
    errors_ = kByteErrors;
    step_ = static_cast<float>(std::min(1.0, 4 / std::sqrt(static_cast<double>(dimension))) / 127);
    block_ = std::bit_floor(dimension);
    std::mt19937_64 random(kRotationSeed);
    const float size = 1 / std::sqrt(static_cast<float>(block_));
    for (std::size_t i = 0; i < kRounds * dimension; ++i) {
      signs_.push_back((random() & 1) != 0 ? size : -size);
    }
  }
}

void VectorCodes::setOrigin(std::span<const float> origin) {
  if (metric_ == Metric::kL2) {
    origin_.assign(origin.begin(), origin.end());
  }
}

void VectorCodes::setLongest(float length) {
  if (metric_ == Metric::kInnerProduct) {
    longest_ = std::min(length, 1e18F);
  }
}

VectorCodes::Query::Query(const VectorCodes& codes)
    : floats_(codes.padded_),
      bytes_(codes.kind_ == HnswCodes::kInt8 ? codes.padded_ / sizeof(float) : 0),
      code_(floats_.data()) {}

// In rounds: signs, a transform of the first block, signs, one of the last block, which overlap unless the dimension is a power
// of two.
void VectorCodes::rotate(float* values) const {
  const auto hadamard = kernels().hadamard;
  const std::size_t tail = dimension_ - block_;
  for (std::size_t round = 0; round < kRounds; ++round) {
    float* const block = round % 2 == 0 ? values : values + tail;
    const float* const signs = signs_.data() + round * dimension_;
    for (std::size_t i = 0; i < block_; ++i) {
      block[i] *= signs[i];
    }
    hadamard(block, block_);
  }
}

// The direction from the origin, and how far it goes. Sums are double: the squares of floats overflow floats.
float VectorCodes::direction(std::span<const float> values, float* out) const {
  double squares = 0;
  if (origin_.empty()) {
    std::copy(values.begin(), values.end(), out);
    const float sum = kernels().dot(values.data(), values.data(), dimension_);
    squares = static_cast<double>(sum);
    if (!(sum > 1e-30F && sum < 1e30F)) {
      squares = 0;
      for (const float value : values) {
        squares += static_cast<double>(value) * value;
      }
    }
  } else {
    for (std::size_t i = 0; i < dimension_; ++i) {
      const double difference = static_cast<double>(values[i]) - origin_[i];
      squares += difference * difference;
      out[i] = values[i] - origin_[i];
    }
  }
  const double length = std::sqrt(squares);
  if (!(length > 0)) {
    std::fill(out, out + dimension_, 0.0F);
    return 0;
  }
  const double inverse = 1 / length;
  if (inverse < 1e30) {
    const auto factor = static_cast<float>(inverse);
    for (std::size_t i = 0; i < dimension_; ++i) {
      out[i] *= factor;
    }
  } else {
    for (std::size_t i = 0; i < dimension_; ++i) {
      out[i] = static_cast<float>(out[i] * inverse);
    }
  }
  return static_cast<float>(std::min(length, 1e18));  // its square stays a float
}

VectorCodes::Encoded VectorCodes::encode(std::span<const float> values, std::byte* code, Query& room) const {
  float* const floats = room.floats_.data();
  const float length = direction(values, floats);
  double error = errors_.front();
  switch (kind_) {
    case HnswCodes::kInt8: {
      auto* const bytes = reinterpret_cast<std::uint8_t*>(code);
      rotate(floats);
      kernels().encodeBytes(floats, 1 / step_, padded_, bytes);
      error = byteError(floats, bytes, padded_, 128, step_);
      break;
    }
    case HnswCodes::kFloat16:
      for (std::size_t i = 0; i < padded_; ++i) {
        reinterpret_cast<std::uint16_t*>(code)[i] = toHalf(floats[i]);
      }
      break;
    default:
      std::memcpy(code, floats, code_bytes_);
  }
  return {length, errorClass(length, error)};
}

std::uint8_t VectorCodes::errorClass(float length, double error) const {
  if (length != 0 && !(length > 1e-15F && length < 1e15F)) {
    return kErrorClasses - 1;
  }
  const auto* const least = std::find_if(errors_.begin(), errors_.end(), [&](float most) { return error <= most; });
  return static_cast<std::uint8_t>(least - errors_.begin());
}

// Bytes are off by a hundredth, so lengths closer than that make no difference to them.
std::uint32_t VectorCodes::lengthClass(float length) const {
  return std::bit_cast<std::uint32_t>(length) >> (kind_ == HnswCodes::kInt8 ? 16 : 0);
}

void VectorCodes::prepare(std::span<const float> values, Query& query) const {
  query.length_ = direction(values, query.floats_.data());
  query.lift_ = 0;
  query.code_ = query.floats_.data();
  if (kind_ == HnswCodes::kInt8) {
    rotate(query.floats_.data());
    auto* const bytes = reinterpret_cast<std::uint8_t*>(query.bytes_.data());
    kernels().encodeBytes(query.floats_.data(), 1 / step_, padded_, bytes);
    prepare(reinterpret_cast<const std::byte*>(bytes), query.length_, query);
  }
}

void VectorCodes::prepare(const std::byte* code, float length, Query& query, bool lifted) const {
  query.length_ = length;
  query.lift_ = lifted ? lift(length) : 0;
  switch (kind_) {
    case HnswCodes::kInt8: {
      const auto* const from = reinterpret_cast<const std::uint8_t*>(code);
      auto* const to = reinterpret_cast<std::int8_t*>(query.bytes_.data());
      // To minus the dot product: the bytes' offset of 128 is taken out, and a step counts once on either side.
      query.scale_ = -step_ * step_;
      query.offset_ = step_ * step_ * 128 * static_cast<float>(kernels().signBytes(from, padded_, to));
      query.code_ = to;
      break;
    }
    case HnswCodes::kFloat16:
      kernels().widenHalves(reinterpret_cast<const std::uint16_t*>(code), padded_, query.floats_.data());
      query.code_ = query.floats_.data();
      break;
    default:
      query.code_ = code;
  }
}

// Minus the dot products of the directions.
void VectorCodes::dots(const Query& query, const std::byte* const* codes, std::size_t count, float* out) const {
  const Kernels& use = kernels();
  if (kind_ == HnswCodes::kInt8) {
    use.dotBytesGather(static_cast<const std::int8_t*>(query.code_), reinterpret_cast<const std::uint8_t* const*>(codes), padded_,
                       count, query.scale_, query.offset_, out);
  } else {
    const auto* const direction = static_cast<const float*>(query.code_);
    if (kind_ == HnswCodes::kFloat16) {
      use.dotHalvesGather(direction, reinterpret_cast<const std::uint16_t* const*>(codes), padded_, count, out);
    } else {
      use.dotGather(direction, reinterpret_cast<const float* const*>(codes), padded_, count, out);
    }
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = -out[i];
    }
  }
}

void VectorCodes::distances(const Query& query, const std::byte* const* codes, const float* lengths, std::size_t count,
                            float* out) const {
  dots(query, codes, count, out);
  const float length = query.length_;
  if (metric_ == Metric::kInnerProduct) {
    for (std::size_t i = 0; i < count; ++i) {
      out[i] *= length * lengths[i];
    }
    if (query.lift_ > 0) {
      for (std::size_t i = 0; i < count; ++i) {
        out[i] -= query.lift_ * lift(lengths[i]);
      }
    }
  } else if (metric_ == Metric::kL2) {
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = length * length + lengths[i] * (lengths[i] + 2 * length * out[i]);
    }
  }
}

// What float32 sums of that many products, of values that were normalised and rotated in float32, may be off.
double VectorCodes::floatError() const {
  return 8 * static_cast<double>(dimension_ + 8) / (1 << 24);
}

void VectorCodes::prepareBounds(Query& query) const {
  const bool bytes = kind_ == HnswCodes::kInt8;
  const double error =
      bytes ? byteError(query.floats_.data(), reinterpret_cast<const std::int8_t*>(query.bytes_.data()), padded_, 0, step_) : 0;
  const bool bounded = errorClass(query.length_, 0) == 0;
  for (std::size_t i = 0; i < kErrorClasses; ++i) {
    const double slack = errors_[i] + (1 + errors_[i]) * error + floatError();
    query.slacks_[i] = bounded ? static_cast<float>(slack) : std::numeric_limits<float>::infinity();
  }
}

void VectorCodes::lowerBounds(const Query& query, const std::byte* const* codes, const float* lengths,
                              const std::uint8_t* error_classes, std::size_t count, float* out) const {
  dots(query, codes, count, out);
  for (std::size_t i = 0; i < count; ++i) {
    out[i] -= query.slacks_[error_classes[i]];
  }
  const float length = query.length_;
  if (metric_ == Metric::kInnerProduct) {
    for (std::size_t i = 0; i < count; ++i) {
      out[i] *= length * lengths[i];
    }
  } else if (metric_ == Metric::kL2) {
    const auto least = static_cast<float>(1 - floatError());
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = (length * length + lengths[i] * lengths[i]) * least + 2 * length * lengths[i] * out[i];
    }
  }
}

float VectorCodes::limit(double worst) const {
  switch (metric_) {
    case Metric::kCosine:
      return static_cast<float>(worst - 1);
    case Metric::kL2:
      worst *= worst * (1 + floatError());
      return worst < 1e37 ? static_cast<float>(worst) : std::numeric_limits<float>::infinity();
    case Metric::kInnerProduct:
      break;
  }
  return static_cast<float>(worst);
}

}  // namespace trefoil::vector
