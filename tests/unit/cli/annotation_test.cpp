#include <gtest/gtest.h>

#include "workflow_annotation.hpp"

namespace berth::cli {
namespace {

text::Diagnostic wrong_key() {
  text::Diagnostic wrong;
  wrong.code = "unknown-key";
  wrong.span = {std::make_shared<const text::SourceFile>("a,b/compose.yaml", "x\ny\n"), 2, 3, 2, 9};
  wrong.message = "100% of\nthis: wrong";
  wrong.hint = "did you mean `y`?";
  wrong.notes.push_back({{}, "here"});
  return wrong;
}

TEST(WorkflowAnnotation, NamesThePlaceFromTheCheckoutAndEscapes) {
  EXPECT_EQ(workflow_annotation(wrong_key(), "/w/repo/deploy", "/w/repo"),
            "::error file=deploy/a%2Cb/compose.yaml,line=2,col=3,endColumn=9,title=unknown-key::"
            "100%25 of%0Athis: wrong%0Ahere%0Ahint: did you mean `y`?");
}

TEST(WorkflowAnnotation, HasNoPlaceWhereThereIsNone) {
  text::Diagnostic plain;
  plain.severity = text::Severity::Warning;
  plain.message = "empty";
  EXPECT_EQ(workflow_annotation(plain, "/w", ""), "::warning::empty");
}

}  // namespace
}  // namespace berth::cli
