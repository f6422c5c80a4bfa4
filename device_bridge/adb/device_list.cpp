// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/device_list.h"

#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/host_socket.h"

#include <algorithm>

namespace bitwright {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds offline_shown_after{500};
constexpr milliseconds first_pause{200}, longest_pause{5000};
constexpr milliseconds others_may_start{3000};
constexpr milliseconds looked_at_again{1500};

bool passing(ConnectionState state)
{
    return state == ConnectionState::offline || state == ConnectionState::connecting || state == ConnectionState::authorizing;
}

}  // namespace

DeviceList::DeviceList(AdbSettings settings, QObject* parent) : QObject(parent)
{
    offline_.setSingleShot(true);
    connect(&offline_, &QTimer::timeout, this, &DeviceList::settle);
    thread_ = std::thread([this, settings = std::move(settings)] { listen(settings); });
}

DeviceList::~DeviceList()
{
    control_.request_cancel();
    thread_.join();
}

/// The thread: ends when cancelled.
void DeviceList::listen(const AdbSettings& settings)
{
    try {
        auto pause = first_pause;
        auto lost_at = steady_clock::now() - others_may_start;
        for (;;) {
            bool tracked = false;
            try {
                track(settings, steady_clock::now() - lost_at >= others_may_start);
                tracked = true;
            } catch (const Error& error) {
                const auto* of_adb = dynamic_cast<const AdbError*>(&error);
                const bool waiting = of_adb != nullptr && of_adb->fault() == AdbFault::no_server && steady_clock::now() - lost_at < others_may_start;
                if (!waiting) {
                    const auto sentence = QString::fromUtf8(error.what());
                    QMetaObject::invokeMethod(
                        this, [this, sentence] { take_problem(sentence); }, Qt::QueuedConnection);
                }
            }
            if (tracked) {
                lost_at = steady_clock::now();
                pause = first_pause;
            }
            for (auto end = steady_clock::now() + pause; steady_clock::now() < end; std::this_thread::sleep_for(milliseconds(50))) control_.check();
            if (steady_clock::now() - lost_at >= others_may_start) pause = std::min(pause * 2, longest_pause);
        }
    } catch (const Cancelled&) {
    }
}

/// Follows the list until the server goes away, then returns. Throws before it was heard once.
void DeviceList::track(const AdbSettings& settings, bool start_server)
{
    if (start_server) ensure_adb_server(settings, control_);
    HostSocket socket(settings, control_);
    socket.request("host:track-devices-l");
    auto phones = phone_lines(socket.read_block());
    socket.set_silence(milliseconds::zero());
    auto unrecorded = settings;
    unrecorded.transcript = nullptr;
    for (;;) {
        QMetaObject::invokeMethod(
            this, [this, phones] { take(phones); }, Qt::QueuedConnection);
        try {
            // adb tells nobody when a phone on the network goes offline, only when it comes back or is given up a minute later: those are asked about.
            for (;;) {
                const bool on_network = std::ranges::any_of(phones, [](const PhoneLine& phone) { return phone.device_path.empty(); });
                if (socket.wait(true, false, looked_at_again).readable) {
                    phones = phone_lines(socket.read_block());
                    break;
                }
                if (!on_network) continue;
                auto now = phone_lines(ask_server(unrecorded, "host:devices-l", control_));
                if (now == phones) continue;
                phones = std::move(now);
                break;
            }
        } catch (const AdbError&) {
            return;
        }
    }
}

void DeviceList::take(std::vector<PhoneLine> phones)
{
    reported_ = std::move(phones);
    auto next = reported_;
    bool held_back = false;
    for (auto phone = next.begin(); phone != next.end();) {
        const auto old = std::ranges::find(shown_, phone->serial, &PhoneLine::serial);
        const bool was_passing = old != shown_.end() && passing(old->state);
        if (!passing(phone->state) || was_passing) {
            ++phone;
            continue;
        }
        held_back = true;
        if (old != shown_.end())
            *phone++ = *old;
        else
            phone = next.erase(phone);
    }
    if (!held_back)
        offline_.stop();
    else if (!offline_.isActive())
        offline_.start(offline_shown_after);
    const bool news = first_ || next != shown_ || !problem_.isEmpty();
    first_ = false;
    shown_ = std::move(next);
    problem_.clear();
    if (news) Q_EMIT changed();
}

/// What was held back has lasted.
void DeviceList::settle()
{
    if (shown_ == reported_) return;
    shown_ = reported_;
    Q_EMIT changed();
}

void DeviceList::take_problem(const QString& problem)
{
    offline_.stop();
    reported_.clear();
    if (problem == problem_ && shown_.empty()) return;
    shown_.clear();
    problem_ = problem;
    first_ = false;
    Q_EMIT changed();
}

}  // namespace bitwright
