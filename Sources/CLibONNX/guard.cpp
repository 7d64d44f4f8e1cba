#include "guard.h"

#include <onnx/defs/schema.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace cleave {

namespace {

using std::to_string;

/// Calls `visit` for every node of a list and of the subgraphs below it. The depth is bounded by the parser's limit.
template <typename Nodes, typename Visit>
void forEachNode(Nodes &nodes, const Visit &visit) {
    for (auto &node : nodes) {
        visit(node);
        for (auto &attribute : *node.mutable_attribute()) {
            if (attribute.has_g()) forEachNode(*attribute.mutable_g()->mutable_node(), visit);
            for (auto &graph : *attribute.mutable_graphs()) forEachNode(*graph.mutable_node(), visit);
        }
    }
}

/// Looks for element types that the library does not know, and says where the first one is.
class ElementTypes {
public:
    void check(const onnx::GraphProto &graph) {
        for (const auto &tensor : graph.initializer()) check(tensor, tensor.name());
        for (const auto &tensor : graph.sparse_initializer()) check(tensor, tensor.values().name());
        for (const auto &value : graph.input()) check(value.type(), value.name());
        for (const auto &value : graph.output()) check(value.type(), value.name());
        for (const auto &value : graph.value_info()) check(value.type(), value.name());
        for (const auto &node : graph.node()) check(node);
    }

    void check(const onnx::NodeProto &node) {
        for (const auto &attribute : node.attribute()) {
            const auto &name = attribute.name();
            if (attribute.has_t()) check(attribute.t(), name);
            if (attribute.has_sparse_tensor()) check(attribute.sparse_tensor(), name);
            if (attribute.has_tp()) check(attribute.tp(), name);
            if (attribute.has_g()) check(attribute.g());
            for (const auto &tensor : attribute.tensors()) check(tensor, name);
            for (const auto &tensor : attribute.sparse_tensors()) check(tensor, name);
            for (const auto &type : attribute.type_protos()) check(type, name);
            for (const auto &graph : attribute.graphs()) check(graph);
        }
    }

private:
    void check(std::int64_t type, const std::string &name) {
        if (!onnx::TensorProto_DataType_IsValid(static_cast<int>(type))) {
            throw TooNew("element type " + to_string(type) + " of '" + name + "' is not known to it");
        }
    }

    void check(const onnx::TensorProto &tensor, const std::string &name) { check(tensor.data_type(), name); }

    void check(const onnx::SparseTensorProto &tensor, const std::string &name) {
        check(tensor.values(), name);
        check(tensor.indices(), name);
    }

    void check(const onnx::TypeProto &type, const std::string &name) {
        switch (type.value_case()) {
        case onnx::TypeProto::kTensorType: return check(type.tensor_type().elem_type(), name);
        case onnx::TypeProto::kSparseTensorType: return check(type.sparse_tensor_type().elem_type(), name);
        case onnx::TypeProto::kSequenceType: return check(type.sequence_type().elem_type(), name);
        case onnx::TypeProto::kOptionalType: return check(type.optional_type().elem_type(), name);
        case onnx::TypeProto::kMapType:
            check(type.map_type().key_type(), name);
            return check(type.map_type().value_type(), name);
        default: return;
        }
    }
};

template <typename Imports>
void checkOpsets(const Imports &imports, const std::string &where) {
    const auto &known = onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
    for (const auto &import : imports) {
        const auto range = known.find(import.domain());
        if (range == known.end() || import.version() <= range->second.second) continue;
        const std::string domain = import.domain().empty() ? "ai.onnx" : import.domain();
        throw TooNew(
            "operator set " + to_string(import.version()) + " of " + domain + where + " is newer than its newest, "
            + to_string(range->second.second));
    }
}

/// Finds functions that call themselves, directly or through others. The library would inline them without end.
class CallGraph {
public:
    explicit CallGraph(const onnx::ModelProto &model) {
        for (const auto &function : model.functions()) {
            index_.emplace(identity(function.domain(), function.name()), static_cast<int>(functions_.size()));
            functions_.push_back(&function);
        }
    }

    void check() {
        const auto callees = calls();
        enum Color : char { unseen, open, done };
        std::vector<Color> colors(functions_.size(), unseen);
        struct Step {
            int function;
            std::size_t next;
        };
        for (int root = 0; root < static_cast<int>(functions_.size()); ++root) {
            if (colors[root] != unseen) continue;
            std::vector<Step> path{{root, 0}};
            colors[root] = open;
            while (!path.empty()) {
                Step &step = path.back();
                if (step.next == callees[step.function].size()) {
                    colors[step.function] = done;
                    path.pop_back();
                    continue;
                }
                const int callee = callees[step.function][step.next++];
                if (colors[callee] == open) {
                    throw Invalid("function '" + functions_[callee]->name() + "' calls itself, directly or through others");
                }
                if (colors[callee] == unseen) {
                    colors[callee] = open;
                    path.push_back({callee, 0});
                }
            }
        }
    }

private:
    static std::string identity(const std::string &domain, const std::string &name) { return domain + ':' + name; }

    std::vector<std::vector<int>> calls() const {
        std::vector<std::vector<int>> result(functions_.size());
        for (std::size_t caller = 0; caller < functions_.size(); ++caller) {
            collect(functions_[caller]->node(), result[caller]);
        }
        return result;
    }

    template <typename Nodes>
    void collect(const Nodes &nodes, std::vector<int> &result) const {
        for (const auto &node : nodes) {
            const auto callee = index_.find(identity(node.domain(), node.op_type()));
            if (callee != index_.end()) result.push_back(callee->second);
            for (const auto &attribute : node.attribute()) {
                if (attribute.has_g()) collect(attribute.g().node(), result);
                for (const auto &graph : attribute.graphs()) collect(graph.node(), result);
            }
        }
    }

    std::vector<const onnx::FunctionProto *> functions_;
    std::unordered_map<std::string, int> index_;
};

template <typename Message>
void normalizeDomain(Message &message) {
    if (message.domain() == "ai.onnx") message.set_domain("");
}

}  // namespace

void normalizeDomains(onnx::ModelProto &model) {
    const auto node = [](onnx::NodeProto &node) { normalizeDomain(node); };
    for (auto &import : *model.mutable_opset_import()) normalizeDomain(import);
    if (model.has_graph()) forEachNode(*model.mutable_graph()->mutable_node(), node);
    for (auto &function : *model.mutable_functions()) {
        normalizeDomain(function);
        for (auto &import : *function.mutable_opset_import()) normalizeDomain(import);
        forEachNode(*function.mutable_node(), node);
    }
    for (auto &training : *model.mutable_training_info()) {
        if (training.has_initialization()) forEachNode(*training.mutable_initialization()->mutable_node(), node);
        if (training.has_algorithm()) forEachNode(*training.mutable_algorithm()->mutable_node(), node);
    }
}

void guard(const onnx::ModelProto &model) {
    if (model.ir_version() > onnx::Version::IR_VERSION) {
        throw TooNew(
            "IR version " + to_string(model.ir_version()) + " is newer than its newest, "
            + to_string(onnx::Version::IR_VERSION));
    }
    checkOpsets(model.opset_import(), "");
    for (const auto &function : model.functions()) {
        checkOpsets(function.opset_import(), " in function '" + function.name() + "'");
    }
    ElementTypes types;
    types.check(model.graph());
    for (const auto &function : model.functions()) {
        for (const auto &node : function.node()) types.check(node);
    }
    for (const auto &training : model.training_info()) {
        types.check(training.initialization());
        types.check(training.algorithm());
    }
    CallGraph(model).check();
}

}  // namespace cleave
