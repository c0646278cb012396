// pgvector's operators and functions on vectors.
#include "sql/expressions/kernels.hpp"
#include "vector/distance.hpp"

namespace trefoil::sql {
namespace {

using vector::Metric;

std::span<const float> floats(const VectorRef& ref) {
  return {ref.data, ref.dimension};
}

template <typename Operation>
Status mapVectors(const KernelCall& call, Operation&& operation) {
  const Argument<VectorRef> a(call.arguments[0]);
  const Argument<VectorRef> b(call.arguments[1]);
  double* const out = call.result.as<double>();
  for (std::uint32_t row = 0; row < call.rows.count; ++row) {
    const std::uint32_t i = call.rows.position(row);
    TREFOIL_TRY(vector::checkSameDimension(a[i].dimension, b[i].dimension));
    out[i] = operation(floats(a[i]), floats(b[i]));
  }
  return {};
}

template <Metric M>
Status distanceKernel(const KernelCall& call) {
  for (const Column& argument : call.arguments) {
    if (argument.constant && call.rows.count > 0) {
      TREFOIL_TRY(vector::checkDirection(M, floats(argument.as<VectorRef>()[0])));
    }
  }
  return mapVectors(call, [](auto a, auto b) { return vector::distance(M, a, b); });
}

Status innerProductKernel(const KernelCall& call) {
  return mapVectors(call, [](auto a, auto b) { return vector::innerProduct(a, b); });
}

Status dimensionsKernel(const KernelCall& call) {
  mapUnary<std::int64_t, VectorRef>(call, [](const VectorRef& a) { return a.dimension; });
  return {};
}

Status concatenateKernel(const KernelCall& call) {
  const Argument<VectorRef> a(call.arguments[0]);
  const Argument<VectorRef> b(call.arguments[1]);
  for (std::uint32_t row = 0; row < call.rows.count; ++row) {
    const std::uint32_t i = call.rows.position(row);
    const std::size_t dimension = std::size_t{a[i].dimension} + b[i].dimension;
    if (dimension > vector::kMaxDimension) {
      return Error(ErrorCode::kLimit, "vector cannot have more than " + std::to_string(vector::kMaxDimension) + " dimensions");
    }
    auto* const to = reinterpret_cast<float*>(call.bytes.allocate(dimension * sizeof(float)));
    std::copy_n(a[i].data, a[i].dimension, to);
    std::copy_n(b[i].data, b[i].dimension, to + a[i].dimension);
    call.result.as<VectorRef>()[i] = {to, static_cast<std::uint32_t>(dimension)};
  }
  return {};
}

Status normKernel(const KernelCall& call) {
  mapUnary<double, VectorRef>(call, [](const VectorRef& a) { return vector::norm(floats(a)); });
  return {};
}

}  // namespace

std::vector<Function> vectorFunctions() {
  const SqlType type = SqlType::vector();
  const SqlType real = SqlType::doublePrecision();
  const std::vector<SqlType> two = {type, type};
  std::vector<Function> list;
  const auto add = [&](std::string_view name, std::vector<SqlType> parameters, SqlType result, Kernel kernel) {
    list.push_back({.name = name, .parameters = std::move(parameters), .result = result, .kernel = kernel});
  };
  add("<=>", two, real, distanceKernel<Metric::kCosine>);
  add("<->", two, real, distanceKernel<Metric::kL2>);
  add("<#>", two, real, distanceKernel<Metric::kInnerProduct>);
  add("cosine_distance", two, real, distanceKernel<Metric::kCosine>);
  add("l2_distance", two, real, distanceKernel<Metric::kL2>);
  add("inner_product", two, real, innerProductKernel);
  add("||", two, type, concatenateKernel);
  add("vector_dims", {type}, SqlType::integer(), dimensionsKernel);
  add("l2_norm", {type}, real, normKernel);
  add("vector_norm", {type}, real, normKernel);
  return list;
}

}  // namespace trefoil::sql
