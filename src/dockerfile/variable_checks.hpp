// The checks that follow variables through the stages: UndefinedVar and InvalidDefaultArgInFrom.
#pragma once

#include <functional>

#include "berth/dockerfile/checks.hpp"

namespace berth::dockerfile {

using Warn = std::function<void(const char* rule, const text::Span& span, std::string message, std::string hint,
                                const std::set<std::string>& skipped)>;

void check_variables(const Dockerfile& file, const StageGraph& graph, const CheckFacts& facts, const Warn& warn);

}  // namespace berth::dockerfile
