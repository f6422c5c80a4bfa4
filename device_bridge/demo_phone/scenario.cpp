// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/scenario.h"

#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "core/runtime/json.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace bitwright::demo {
namespace {

using json::Kind;
using json::Value;

/// The fields of one object, each taken at most once; what nobody took is unknown.
class Fields {
public:
    Fields(const Value& object, std::string where, std::string path) : object_(object), where_(std::move(where)), path_(std::move(path))
    {
        if (object.kind != Kind::object) throw fault("", "is no object; write {…}");
    }

    [[nodiscard]] const Value* take(std::string_view name)
    {
        taken_.emplace(name);
        return object_.find(name);
    }
    void text(std::string_view name, std::string& out)
    {
        if (const Value* value = take(name)) {
            if (value->kind != Kind::string || value->string.find('\0') != std::string::npos) throw fault(name, "is no text");
            out = value->string;
        }
    }
    void number(std::string_view name, double& out, double least, double most)
    {
        if (const Value* value = take(name)) out = checked(*value, name, least, most);
    }
    void integer(std::string_view name, std::int64_t& out, std::int64_t least, std::int64_t most)
    {
        if (const Value* value = take(name)) {
            if (value->kind != Kind::integer || value->integer < least || value->integer > most)
                throw fault(name, "is no whole number from " + std::to_string(least) + " to " + std::to_string(most));
            out = value->integer;
        }
    }
    void flag(std::string_view name, bool& out)
    {
        if (const Value* value = take(name)) {
            if (value->kind != Kind::boolean) throw fault(name, "is neither true nor false");
            out = value->boolean;
        }
    }
    template <typename Enum>
    void choice(std::string_view name, Enum& out, std::initializer_list<std::pair<std::string_view, Enum>> choices)
    {
        const Value* value = take(name);
        if (!value) return;
        std::string known;
        for (const auto& [word, meaning] : choices) {
            if (value->kind == Kind::string && value->string == word) {
                out = meaning;
                return;
            }
            known.append(known.empty() ? "" : ", ").append(word);
        }
        throw fault(name, "is none of " + known);
    }
    /// A number, or pairs [second, value].
    void series(std::string_view name, Series& out, double least, double most)
    {
        const Value* value = take(name);
        if (!value) return;
        out.points.clear();
        if (value->kind != Kind::array) {
            out.points.push_back({0, checked(*value, name, least, most)});
            return;
        }
        for (const Value& pair : value->array) {
            if (pair.kind != Kind::array || pair.array.size() != 2) throw fault(name, "is no list of [second, value]");
            const Series::Point point{checked(pair.array[0], name, 0, 1e9), checked(pair.array[1], name, least, most)};
            if (!out.points.empty() && point.second <= out.points.back().second) throw fault(name, "has seconds that do not increase");
            out.points.push_back(point);
        }
        if (out.points.empty()) throw fault(name, "has no point; give [[0, value]]");
    }
    void readable(std::string_view name, Readable& out)
    {
        choice(name, out, {{"yes", Readable::yes}, {"denied", Readable::denied}, {"empty", Readable::empty}, {"absent", Readable::absent}});
    }
    template <typename Read>
    void object(std::string_view name, Read read)
    {
        if (const Value* value = take(name)) {
            Fields fields(*value, where_, path_of(name));
            read(fields);
            fields.done();
        }
    }
    template <typename Read>
    void list(std::string_view name, Read read)
    {
        const Value* value = take(name);
        if (!value) return;
        if (value->kind != Kind::array) throw fault(name, "is no list");
        for (std::size_t i = 0; i < value->array.size(); ++i) {
            Fields fields(value->array[i], where_, path_of(name) + "[" + std::to_string(i) + "]");
            read(fields);
            fields.done();
        }
    }
    void done() const
    {
        for (const auto& [name, value] : object_.object) {
            if (taken_.contains(name)) continue;
            std::string known;
            for (const auto& each : taken_) known.append(known.empty() ? "" : ", ").append(each);
            throw fault(name, "is not known here; known are " + known);
        }
    }
    [[nodiscard]] Error fault(std::string_view name, const std::string& what) const { return bad_input(where_, name.empty() ? path_ : path_of(name), what); }

private:
    [[nodiscard]] std::string path_of(std::string_view name) const { return path_.empty() ? std::string(name) : path_ + "." + std::string(name); }
    [[nodiscard]] double checked(const Value& value, std::string_view name, double least, double most) const
    {
        const bool number = value.kind == Kind::integer || value.kind == Kind::number;
        if (!number || !(value.number >= least) || !(value.number <= most)) {
            throw fault(name, "is no number from " + std::to_string(static_cast<std::int64_t>(least)) + " to " + std::to_string(static_cast<std::int64_t>(most)));
        }
        return value.number;
    }

    const Value& object_;
    std::string where_, path_;
    std::set<std::string, std::less<>> taken_;
};

void read_phone(Fields& f, PhoneFacts& phone)
{
    for (const auto& [name, out] : std::initializer_list<std::pair<const char*, std::string*>>{{"manufacturer", &phone.manufacturer},
                                                                                              {"model", &phone.model},
                                                                                              {"product", &phone.product},
                                                                                              {"device", &phone.device},
                                                                                              {"serial", &phone.serial},
                                                                                              {"soc_manufacturer", &phone.soc_manufacturer},
                                                                                              {"soc_model", &phone.soc_model},
                                                                                              {"board", &phone.board},
                                                                                              {"android", &phone.android},
                                                                                              {"fingerprint", &phone.fingerprint},
                                                                                              {"kernel", &phone.kernel},
                                                                                              {"selinux", &phone.selinux},
                                                                                              {"abis", &phone.abis},
                                                                                              {"cpu", &phone.cpu},
                                                                                              {"features", &phone.features}})
        f.text(name, *out);
    for (const auto* banner : {&phone.product, &phone.model, &phone.device}) {
        if (banner->find_first_of(":;=") != std::string::npos) throw f.fault("", "has one of : ; = in product, model or device, which adb's banner cannot carry");
    }
    f.integer("sdk", phone.sdk, 21, 100);
    f.integer("memory_mib", phone.memory_mib, 16, 1 << 24);
    if (std::int64_t id = -1; f.integer("soc_id", id, 0, 1'000'000), id >= 0) phone.soc_id = id;
    std::vector<PhoneFacts::Cluster> clusters;
    f.list("clusters", [&](Fields& c) {
        PhoneFacts::Cluster& cluster = clusters.emplace_back();
        c.integer("cores", cluster.cores, 1, 64);
        c.integer("min_khz", cluster.min_khz, 1000, 100'000'000);
        c.integer("max_khz", cluster.max_khz, 1000, 100'000'000);
    });
    if (!clusters.empty()) phone.clusters = clusters;
}

void read_battery(Fields& f, Battery& battery)
{
    f.series("current_ma", battery.current_ma, 0, 100'000);
    f.number("per_core_ma", battery.per_core_ma, 0, 100'000);
    f.series("charging_ma", battery.charging_ma, -100'000, 100'000);
    f.series("voltage_mv", battery.voltage_mv, 0, 100'000);
    f.series("celsius", battery.celsius, -100, 300);
    f.number("capacity_mah", battery.capacity_mah, 1, 1'000'000);
    f.number("level_percent", battery.level_percent, 0, 100);
    f.choice("plugged", battery.plugged, {{"usb", std::string("usb")}, {"ac", std::string("ac")}, {"none", std::string("none")}});
    f.flag("suspend_honoured", battery.suspend_honoured);
    f.number("noise_ma", battery.noise_ma, 0, 1000);
    f.number("update_s", battery.update_s, 0, 3600);
    f.choice("current_unit", battery.current_unit, {{"uA", std::string("uA")}, {"mA", std::string("mA")}});
    f.choice("voltage_unit", battery.voltage_unit, {{"uV", std::string("uV")}, {"mV", std::string("mV")}});
    f.choice("sign", battery.discharge_positive, {{"discharge_negative", false}, {"discharge_positive", true}});
    f.choice("service_current", battery.service_current, {{"none", std::string()}, {"mA", std::string("mA")}});
    f.flag("service_get", battery.service_get);
    f.choice("perfetto", battery.perfetto, {{"none", std::string("none")}, {"no_voltage", std::string("no_voltage")}, {"all", std::string("all")}});
    f.readable("current_readable", battery.current);
    f.readable("voltage_readable", battery.voltage);
    f.readable("charge_readable", battery.charge);
    f.readable("temperature_readable", battery.temperature);
    f.readable("status_readable", battery.status);
}

void read_thermal(Fields& f, Thermal& thermal)
{
    f.series("status", thermal.status, 0, 6);
    f.list("zones", [&](Fields& z) {
        ThermalZone& zone = thermal.zones.emplace_back();
        z.text("type", zone.type);
        z.series("celsius", zone.celsius, -100, 300);
        z.readable("readable", zone.readable);
    });
    f.list("service", [&](Fields& s) {
        ServiceTemperature& temperature = thermal.service.emplace_back();
        s.text("name", temperature.name);
        s.integer("type", temperature.type, -1, 100);
        s.series("celsius", temperature.celsius, -100, 300);
    });
}

std::string absolute(Fields& f, std::string_view name)
{
    std::string path;
    f.text(name, path);
    if (!path.starts_with('/') || (path + "/").find("/../") != std::string::npos || path.find_first_of("\n\r") != std::string::npos) throw f.fault(name, "is no absolute path");
    return path;
}

ScriptedCommand read_command(Fields& f)
{
    ScriptedCommand command;
    int matches = 0;
    for (const auto& [name, match] : std::initializer_list<std::pair<const char*, ScriptedCommand::Match>>{
             {"equals", ScriptedCommand::Match::equals}, {"starts", ScriptedCommand::Match::starts}, {"contains", ScriptedCommand::Match::contains}}) {
        std::string text;
        f.text(name, text);
        if (text.empty()) continue;
        command.match = match;
        command.text = text;
        ++matches;
    }
    if (matches != 1) throw f.fault("", "needs exactly one of equals, starts, contains");
    f.list("output", [&](Fields& o) {
        ScriptedCommand::Piece& piece = command.output.emplace_back();
        o.number("after_s", piece.after_s, 0, 3600);
        o.text("stdout", piece.out);
        o.text("stderr", piece.error);
    });
    std::int64_t exit = 0;
    f.integer("exit", exit, 0, 255);
    command.exit = static_cast<int>(exit);
    f.flag("dies", command.dies);
    return command;
}

void read_trigger(Fields& f, Trigger& trigger)
{
    std::optional<Direction> direction;
    f.choice("direction", direction, {{"push", std::optional(Direction::push)}, {"pull", std::optional(Direction::pull)}, {"shell", std::optional(Direction::shell)}});
    trigger.direction = direction;
    std::int64_t bytes = 0;
    f.integer("bytes", bytes, 0, std::int64_t{1} << 50);
    trigger.bytes = static_cast<std::uint64_t>(bytes);
    f.integer("times", trigger.times, 1, 1'000'000);
    if (double after = -1; f.number("after_s", after, 0, 1e6), after >= 0) trigger.after_s = after;
    if (trigger.direction.has_value() == trigger.after_s.has_value()) throw f.fault("", "needs either direction and bytes, or after_s");
}

void read_faults(Fields& f, Faults& faults)
{
    f.choice("authorize", faults.authorize,
             {{"at_once", Faults::Authorize::at_once}, {"later", Faults::Authorize::later}, {"never", Faults::Authorize::never}, {"silent", Faults::Authorize::silent}});
    f.number("authorize_after_s", faults.authorize_after_s, 0, 3600);
    f.object("drop", [&](Fields& t) { read_trigger(t, faults.drop.emplace()); });
    f.object("freeze", [&](Fields& t) {
        t.number("for_s", faults.freeze_s, 0, 1e6);
        read_trigger(t, faults.freeze.emplace());
    });
    f.object("reboot", [&](Fields& t) {
        t.number("down_s", faults.reboot_down_s, 0, 3600);
        read_trigger(t, faults.reboot.emplace());
    });
    if (std::int64_t bytes = -1; f.integer("full_after_bytes", bytes, 0, std::int64_t{1} << 50), bytes >= 0) faults.full_after_bytes = static_cast<std::uint64_t>(bytes);
    if (const Value* denied = f.take("denied")) {
        if (denied->kind != Kind::array) throw f.fault("denied", "is no list of paths");
        for (const Value& path : denied->array) {
            if (path.kind != Kind::string || !path.string.starts_with('/')) throw f.fault("denied", "is no list of absolute paths");
            faults.denied.push_back(path.string);
        }
    }
    f.number("bytes_per_second", faults.bytes_per_second, 0, 1e12);
    f.number("clock_offset_s", faults.clock_offset_s, -1e10, 1e10);
}

}  // namespace

double Series::at(double second) const noexcept
{
    const auto after = std::ranges::upper_bound(points, second, {}, &Point::second);
    if (after == points.begin()) return points.front().value;
    if (after == points.end()) return points.back().value;
    const Point &a = *(after - 1), &b = *after;
    return a.value + (b.value - a.value) * (second - a.second) / (b.second - a.second);
}

Scenario Scenario::parse(std::string_view text, std::string_view where)
{
    const Value document = json::parse(text, where);
    Scenario s;
    Fields f(document, std::string(where), "");
    f.text("about", s.about);
    f.object("phone", [&](Fields& p) { read_phone(p, s.phone); });
    if (const Value* properties = f.take("properties")) {
        if (properties->kind != Kind::object) throw f.fault("properties", "is no object");
        for (const auto& [name, value] : properties->object) {
            if (value.kind != Kind::string) throw f.fault("properties." + name, "is no text");
            if (name.empty() || name.find_first_of("/\n") != std::string::npos || name[0] == '.') throw f.fault("properties", "has a name that is none of a property");
            s.properties[name] = value.string;
        }
    }
    f.list("files", [&](Fields& file) {
        ScriptedFile& scripted = s.files.emplace_back();
        scripted.path = absolute(file, "path");
        file.text("text", scripted.text);
        std::string mode;
        file.text("mode", mode);
        if (!mode.empty()) {
            if (mode.size() > 4 || mode.find_first_not_of("01234567") != std::string::npos) throw file.fault("mode", "is no octal number of four digits");
            scripted.mode = static_cast<std::uint32_t>(std::stoul(mode, nullptr, 8));
        }
        file.flag("denied", scripted.denied);
    });
    f.list("commands", [&](Fields& command) { s.commands.push_back(read_command(command)); });
    f.choice("unscripted", s.runs_unscripted, {{"run", true}, {"refuse", false}});
    f.object("battery", [&](Fields& b) { read_battery(b, s.battery); });
    f.object("thermal", [&](Fields& t) { read_thermal(t, s.thermal); });
    f.list("rails", [&](Fields& r) {
        Rail& rail = s.rails.emplace_back();
        r.text("name", rail.name);
        r.series("milliwatts", rail.milliwatts, 0, 1e6);
        r.number("per_core_mw", rail.per_core_mw, 0, 1e6);
    });
    f.integer("data_mib", s.data_mib, 1, 1 << 20);
    f.integer("sdcard_mib", s.sdcard_mib, 1, 1 << 20);
    f.object("faults", [&](Fields& each) { read_faults(each, s.faults); });
    f.done();
    return s;
}

Scenario Scenario::read(const std::filesystem::path& path) { return parse(read_text(path, 16 << 20), path.string()); }

std::map<std::string, std::string> Scenario::all_properties() const
{
    std::map<std::string, std::string> all{{"ro.product.manufacturer", phone.manufacturer},
                                           {"ro.product.brand", phone.manufacturer},
                                           {"ro.product.model", phone.model},
                                           {"ro.product.name", phone.product},
                                           {"ro.product.device", phone.device},
                                           {"ro.product.board", phone.board},
                                           {"ro.serialno", phone.serial},
                                           {"ro.soc.manufacturer", phone.soc_manufacturer},
                                           {"ro.soc.model", phone.soc_model},
                                           {"ro.board.platform", phone.board},
                                           {"ro.hardware", phone.board},
                                           {"ro.build.version.release", phone.android},
                                           {"ro.build.version.sdk", std::to_string(phone.sdk)},
                                           {"ro.build.fingerprint", phone.fingerprint},
                                           {"ro.build.type", "user"},
                                           {"ro.debuggable", "0"},
                                           {"ro.product.cpu.abi", phone.abis.substr(0, phone.abis.find(','))},
                                           {"ro.product.cpu.abilist", phone.abis},
                                           {"ro.bitwright.demo", "1"},
                                           {"sys.boot_completed", "1"}};
    for (const auto& [name, value] : properties) all[name] = value;
    return all;
}

}  // namespace bitwright::demo
