#!/usr/bin/perl
# The fastest board: the whole network on the node whose default cluster is forecast to have the answer first.
#
#     hidp plan --model resnet18 --strategy "exec:perl strategies/external/examples/fastest_board.pl"
#
# It needs nothing but the perl that every Debian has. It asks hidp for forecasts and leaves the sends to it: what it answers are
# placements. docs/external-strategy.schema.json says what is in the messages.
use strict;
use warnings;
$| = 1;

# Reads a value of JSON at the position of $_; texts keep their escapes.
sub value {
    /\G\s*/gc;
    if (/\G"((?:[^"\\]|\\.)*)"/gc) { return $1 }
    if (/\G(-?[0-9][0-9.eE+-]*)/gc) { return $1 }
    if (/\G(true|false|null)/gc) { return $1 eq 'true' ? 1 : 0 }
    if (/\G\[/gc) {
        my @list;
        until (/\G\s*\]/gc) { push @list, value(); /\G\s*,/gc }
        return \@list;
    }
    if (/\G\{/gc) {
        my %object;
        until (/\G\s*\}/gc) {
            my $key = value();
            /\G\s*:/gc;
            $object{$key} = value();
            /\G\s*,/gc;
        }
        return \%object;
    }
    die "no JSON at " . substr($_, pos // 0, 40) . "\n";
}

# Reads the next message.
sub hear {
    local $_ = <STDIN>;
    return defined $_ ? value() : undef;
}

# Writes the whole network as one placement on a node, in a message of the given type.
sub whole {
    my ($type, $problem, $node) = @_;
    my $end = @{ $problem->{model}{layers} };
    print qq({"type":"$type","id":$problem->{id},"placements":[{"node":"$node->{name}",)
        . qq("cluster":"$node->{default_cluster}","layers":[1,$end]}]}\n);
}

# Which nodes can be reached from the leader and reach it.
sub reachable {
    my $problem = shift;
    my %link = map { ("$_->{from} $_->{to}" => 1) } @{ $problem->{platform}{links} };
    my $leader = $problem->{leader};
    return grep { $_->{name} eq $leader || $link{"$leader $_->{name}"} && $link{"$_->{name} $leader"} }
        @{ $problem->{platform}{nodes} };
}

while (my $message = hear()) {
    if ($message->{type} eq 'hello') {
        print qq({"type":"hello","protocol":1,"uses_backlog":true}\n);
        next;
    }
    my ($best, $least);
    for my $node (reachable($message)) {
        whole('forecast', $message, $node);
        my $answer = hear() or exit;
        next if $answer->{infeasible} ne '';
        ($best, $least) = ($node, $answer->{seconds}) if !defined $least || $answer->{seconds} < $least;
    }
    if ($best) { whole('place', $message, $best) }
    else { print qq({"type":"infeasible","id":$message->{id},"reason":"no node has the memory"}\n) }
}
