// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/help/help_sheet.h"

#include <QEvent>
#include <QFile>
#include <QHBoxLayout>
#include <QListWidget>
#include <QTextBlock>
#include <QTextBrowser>

#include <algorithm>

namespace bitwright::views {
namespace {

QString read(const QString& name)
{
    QFile file(QStringLiteral(":/help/%1.md").arg(name));
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
}

/// A heading a little larger than the text, and room between paragraphs: Qt's own are made for paper.
void set_looks(QTextDocument& document, const QFont& font)
{
    for (auto block = document.begin(); block.isValid(); block = block.next()) {
        QTextCursor cursor(block);
        QTextBlockFormat format;
        format.setTopMargin(0);
        format.setBottomMargin(block.textList() && block.next().textList() ? 2 : 10);
        format.setLineHeight(115, QTextBlockFormat::ProportionalHeight);
        cursor.mergeBlockFormat(format);
        if (block.blockFormat().headingLevel() == 0) continue;
        cursor.movePosition(QTextCursor::EndOfBlock, QTextCursor::KeepAnchor);
        auto heading = cursor.charFormat();
        heading.clearProperty(QTextFormat::FontSizeAdjustment);  // stronger than a size
        heading.setFontPointSize(font.pointSizeF() + 4);
        heading.setFontWeight(QFont::DemiBold);
        cursor.setCharFormat(heading);
    }
}

}  // namespace

const std::vector<HelpTopic>& help_topics()
{
    static const std::vector<HelpTopic> topics = [] {
        std::vector<HelpTopic> all;
        for (const char* name : {"start", "calibrate", "explore", "inspector", "tune", "optimize", "devices", "results", "compare", "words"})
            all.push_back({QLatin1String(name), read(QLatin1String(name)).section(QLatin1Char('\n'), 0, 0).mid(2)});
        return all;
    }();
    return topics;
}

HelpSheet::HelpSheet(QWidget* window) : QDialog(window), list_(new QListWidget(this)), text_(new QTextBrowser(this))
{
    setWindowTitle(tr("Help"));
    setModal(false);
    resize(760, 600);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins({});
    row->setSpacing(0);
    for (const auto& topic : help_topics()) list_->addItem(topic.title);
    list_->setFrameShape(QFrame::NoFrame);
    list_->setSpacing(2);
    list_->setFixedWidth(list_->sizeHintForColumn(0) + 32);
    list_->setAccessibleName(tr("Pages of help"));
    list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    text_->setFrameShape(QFrame::NoFrame);
    text_->setOpenLinks(false);
    text_->document()->setDocumentMargin(24);
    text_->setAccessibleName(tr("Page of help"));
    row->addWidget(list_);
    row->addWidget(text_, 1);
    connect(list_, &QListWidget::currentRowChanged, this, &HelpSheet::show_page);
    connect(text_, &QTextBrowser::anchorClicked, this, [this](const QUrl& link) { open_topic(link.toString().section(QLatin1Char('.'), 0, 0)); });
}

void HelpSheet::open_topic(const QString& name)
{
    const auto& topics = help_topics();
    const auto found = std::ranges::find(topics, name, &HelpTopic::name);
    list_->setCurrentRow(found == topics.end() ? 0 : static_cast<int>(found - topics.begin()));
    show();
    raise();
    activateWindow();
}

QString HelpSheet::topic() const { return list_->currentRow() < 0 ? QString() : help_topics()[static_cast<std::size_t>(list_->currentRow())].name; }

void HelpSheet::show_page()
{
    text_->setMarkdown(read(topic()));
    set_looks(*text_->document(), font());
    text_->moveCursor(QTextCursor::Start);
}

void HelpSheet::changeEvent(QEvent* event)
{
    QDialog::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && list_->currentRow() >= 0) show_page();  // links have the palette's colour
}

}  // namespace bitwright::views
