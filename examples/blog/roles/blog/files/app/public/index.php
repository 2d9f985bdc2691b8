<?php

declare(strict_types=1);
require __DIR__ . '/../src/blog.php';

$size = settings()['posts_per_page'];
$page = max(1, filter_var($_GET['page'] ?? 1, FILTER_VALIDATE_INT) ?: 1);
$query = database()->prepare('SELECT id, title, published_at FROM posts ORDER BY published_at DESC, id DESC LIMIT ? OFFSET ?');
$query->bindValue(1, $size + 1, PDO::PARAM_INT);
$query->bindValue(2, ($page - 1) * $size, PDO::PARAM_INT);
$query->execute();
$posts = $query->fetchAll();

$items = '';
foreach (array_slice($posts, 0, $size) as $post) {
    $items .= sprintf(
        "<li><a href=\"/post.php?id=%d\">%s</a> <time>%s</time></li>\n",
        $post['id'],
        escape($post['title']),
        escape($post['published_at']),
    );
}
$older = count($posts) > $size ? sprintf('<p><a href="/?page=%d">Older posts</a></p>', $page + 1) : '';
show_page('Posts', $items === '' ? '<p>Nothing here yet.</p>' : "<ul class=\"posts\">\n$items</ul>$older");
